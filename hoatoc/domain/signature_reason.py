"""The reasons why a signature is not what it should be, and what each makes of it.

Reasons stand in the order of `Reason`, and the first that a signature has decides: first what makes
it absent, then invalid, then unknown; those that change no verdict come last. A new reason takes
the place that its weight gives it, and a row in `EXPLANATIONS`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What can be said of one signature; `ABSENT`: a place for one, and nothing in it."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    ABSENT = "absent"


class Reason(StrEnum):
    """Why a signature is not what it should be; the order is that in which they decide."""

    EMPTY = "signature-empty"
    CONTENT_CHANGED = "content-changed"
    CHANGED_AFTER = "changed-after-signing"
    COVERS_PART = "covers-part-only"
    REVOKED = "certificate-revoked"
    NOT_IN_VALIDITY = "certificate-not-in-validity"
    ROOT_UNTRUSTED = "root-untrusted"
    CERTIFICATE_UNFIT = "certificate-unfit"
    ALGORITHM_WEAK = "algorithm-weak"
    UNREADABLE = "unreadable-signature"
    TOO_LARGE = "too-large-to-verify"
    ALGORITHM_UNKNOWN = "algorithm-unknown"
    NO_ROOTS = "roots-not-configured"
    ISSUER_MISSING = "issuer-missing"
    REVOCATION_UNKNOWN = "revocation-unknown"
    TIME_NOT_PROVEN = "time-not-proven"
    TIMESTAMP_NOT_PROVEN = "timestamp-not-proven"
    ORGANISATION_DIFFERS = "organisation-differs"
    ORGANISATION_UNKNOWN = "organisation-unknown"
    ROLE_UNKNOWN = "role-unknown"
    SIGNED_AFTER_PROMULGATION = "signed-after-promulgation"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason makes of a signature (`None`: nothing), for the staff, and where it is from."""

    verdict: Verdict | None
    text_vi: str
    text_en: str
    article: str


_INVALID, _UNKNOWN = Verdict.INVALID, Verdict.UNKNOWN
_CHECK = "QĐ 28/2018/QĐ-TTg, Điều 9.1"
_ALGORITHMS = "TT 15/2025/TT-BKHCN; TT 06/2015/TT-BTTTT"
_TWO_SIGNATURES = "NĐ 30/2020/NĐ-CP, Điều 5.1"

EXPLANATIONS: Mapping[Reason, Explanation] = {
    Reason.EMPTY: Explanation(
        Verdict.ABSENT,
        "Có chỗ ký nhưng chưa ký. Ký số vào tệp, hoặc bỏ ô chữ ký trống.",
        "There is a place for a signature and none in it. Sign the file, or remove the place.",
        "QĐ 28/2018/QĐ-TTg, Điều 4",
    ),
    Reason.CONTENT_CHANGED: Explanation(
        _INVALID,
        "Nội dung không đúng với nội dung đã ký. Gửi lại tệp gốc đã ký.",
        "The content is not what was signed. Send the signed original again.",
        _CHECK,
    ),
    Reason.CHANGED_AFTER: Explanation(
        _INVALID,
        "Tệp bị sửa sau khi ký. Gửi lại tệp gốc, hoặc ký lại bản đã sửa.",
        "The file was changed after it was signed. Send the original, or sign the changed one.",
        _CHECK,
    ),
    Reason.COVERS_PART: Explanation(
        _INVALID,
        "Chữ ký chỉ bao phủ một phần nội dung. Ký lại toàn bộ nội dung.",
        "The signature covers only a part of the content. Sign the whole of it.",
        _CHECK,
    ),
    Reason.REVOKED: Explanation(
        _INVALID,
        "Chứng thư số đã bị thu hồi trước khi ký. Ký lại bằng chứng thư số còn hiệu lực.",
        "The certificate was revoked before the signing. Sign again with one in force.",
        _CHECK,
    ),
    Reason.NOT_IN_VALIDITY: Explanation(
        _INVALID,
        "Chứng thư số không có hiệu lực tại thời điểm ký. Gia hạn chứng thư số rồi ký lại.",
        "The certificate was not in validity at the time of signing. Renew it and sign again.",
        _CHECK,
    ),
    Reason.ROOT_UNTRUSTED: Explanation(
        _INVALID,
        "Chứng thư số không do cơ quan chứng thực được tin cậy cấp. "
        "Ký bằng chứng thư số chuyên dùng công vụ.",
        "The certificate comes from no trusted authority. Sign with an official-duty certificate.",
        "QĐ 28/2018/QĐ-TTg, Điều 18",
    ),
    Reason.CERTIFICATE_UNFIT: Explanation(
        _INVALID,
        "Chứng thư số không được dùng để ký, hoặc chuỗi chứng thư sai. Ký bằng chứng thư số khác.",
        "The certificate is not for signing, or its chain breaks its rules. Sign with another.",
        "RFC 5280, 6.1",
    ),
    Reason.ALGORITHM_WEAK: Explanation(
        _INVALID,
        "Thuật toán ký yếu (SHA-1, MD5, RSA dưới 2048 bit hoặc ECDSA dưới 256 bit). "
        "Ký lại bằng SHA-256 với RSA từ 2048 bit.",
        "The algorithm is weak (SHA-1, MD5, RSA below 2048 bits or ECDSA below 256). "
        "Sign again with SHA-256 and RSA of at least 2048 bits.",
        _ALGORITHMS,
    ),
    Reason.UNREADABLE: Explanation(
        _UNKNOWN,
        "Không đọc được chữ ký. Kiểm tra tệp bằng phần mềm ký số, xuất lại và ký lại nếu cần.",
        "The signature cannot be read. Check the file in the signing software; export and sign it "
        "again if need be.",
        _CHECK,
    ),
    Reason.TOO_LARGE: Explanation(
        _UNKNOWN,
        "Nội dung hoặc số chữ ký vượt giới hạn kiểm tra. Kiểm tra chữ ký bằng phần mềm ký số.",
        "The content or the number of signatures is beyond what is verified. Check the signatures "
        "in the signing software.",
        _CHECK,
    ),
    Reason.ALGORITHM_UNKNOWN: Explanation(
        _UNKNOWN,
        "Thuật toán ký không có trong danh mục. Ký bằng RSA hoặc ECDSA với SHA-2 hoặc SHA-3.",
        "The algorithm is in no list. Sign with RSA or ECDSA and SHA-2 or SHA-3.",
        _ALGORITHMS,
    ),
    Reason.NO_ROOTS: Explanation(
        _UNKNOWN,
        "Chưa cấu hình chứng thư gốc nên chưa kiểm tra được. Quản trị viên thêm chứng thư gốc.",
        "No root certificate is configured, so nothing could be checked. The operator adds one.",
        "QĐ 28/2018/QĐ-TTg, Điều 18",
    ),
    Reason.ISSUER_MISSING: Explanation(
        _UNKNOWN,
        "Thiếu chứng thư của cơ quan cấp. Quản trị viên thêm chứng thư trung gian.",
        "The certificate of the issuer is missing. The operator adds the intermediate certificate.",
        "RFC 5280, 6.1",
    ),
    Reason.REVOCATION_UNKNOWN: Explanation(
        _UNKNOWN,
        "Chưa biết chứng thư số có bị thu hồi hay không. Quản trị viên cập nhật danh sách thu hồi.",
        "Whether the certificate is revoked is not known. The operator updates the list.",
        "RFC 5280, 6.3",
    ),
    Reason.TIME_NOT_PROVEN: Explanation(
        _UNKNOWN,
        "Chứng thư số đã hết hạn hoặc bị thu hồi sau thời điểm ký ghi trong tệp, và không có dấu "
        "thời gian chứng minh thời điểm đó. Ký lại kèm dấu thời gian.",
        "The certificate expired or was revoked after the time of signing that the file gives, and "
        "no timestamp proves that time. Sign again with a timestamp.",
        "RFC 3161",
    ),
    Reason.TIMESTAMP_NOT_PROVEN: Explanation(
        None,
        "Dấu thời gian sai hoặc không kiểm tra được nên không được tính.",
        "The timestamp is wrong or cannot be verified, so it does not count.",
        "RFC 3161",
    ),
    Reason.ORGANISATION_DIFFERS: Explanation(
        None,
        "Cơ quan trong chứng thư số khác cơ quan gửi. Kiểm tra mã cơ quan gửi và người ký.",
        "The organisation of the certificate is not the sender. Check the sender's code and who "
        "signed.",
        _CHECK,
    ),
    Reason.ORGANISATION_UNKNOWN: Explanation(
        None,
        "Không so được cơ quan trong chứng thư số với cơ quan gửi.",
        "The organisation of the certificate could not be compared with the sender.",
        _CHECK,
    ),
    Reason.ROLE_UNKNOWN: Explanation(
        None,
        "Không rõ đây là chữ ký của người có thẩm quyền hay của cơ quan.",
        "Whether a person or the agency signed is not known.",
        _TWO_SIGNATURES,
    ),
    Reason.SIGNED_AFTER_PROMULGATION: Explanation(
        None,
        "Ký sau ngày ban hành ghi trên văn bản. Kiểm tra ngày ban hành.",
        "Signed after the date of promulgation. Check that date.",
        "NĐ 30/2020/NĐ-CP, Điều 18.1",
    ),
}


def ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Put reasons in their order, each once."""
    found = set(reasons)
    return tuple(reason for reason in Reason if reason in found)


def verdict_of(reasons: Sequence[Reason]) -> Verdict:
    """Tell the verdict that ordered reasons give: that of the first that gives one."""
    given = (EXPLANATIONS[reason].verdict for reason in reasons)
    return next(filter(None, given), Verdict.VALID)
