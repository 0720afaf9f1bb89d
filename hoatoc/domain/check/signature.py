"""Signatures: what their verification found, as a clerk must know it before sending.

An unsigned document may go out, for reference only (QĐ 28/2018, Điều 4.2): that warns. A signature
that says something false, of a changed file or by a certificate that was not in force, refuses:
whoever receives it has to return it (NĐ 30/2020, Điều 21.2). What could not be told warns; unknown
is not invalid. Without an examination nothing is known and nothing is said.
"""

from collections.abc import Callable, Iterator

from hoatoc.domain.check.rule import CV_807, Case, Rule, Severity, Spot, Spots
from hoatoc.domain.examination import FileExamined
from hoatoc.domain.signature import Role, Signature
from hoatoc.domain.signature_reason import EXPLANATIONS, Reason, Verdict

_FILES = "AttachmentEncoded"
_TWO_SIGNATURES = "NĐ 30/2020/NĐ-CP, Điều 5.1"
_BY_CERTIFICATE = {
    Reason.REVOKED: "certificate-revoked",
    Reason.NOT_IN_VALIDITY: "certificate-expired",
    Reason.ROOT_UNTRUSTED: "certificate-untrusted",
    Reason.CERTIFICATE_UNFIT: "certificate-untrusted",
    Reason.ALGORITHM_WEAK: "signature-weak",
}


def _files(case: Case) -> Iterator[tuple[str, FileExamined]]:
    files = case.examination.files if case.examination else ()
    for index, examined in enumerate(files, start=1):
        yield f"{_FILES}/Attachment[{index}]", examined


def _present(examined: FileExamined) -> list[Signature]:
    return [each for each in examined.signatures if each.verdict is not Verdict.ABSENT]


def _signatures(case: Case) -> Iterator[tuple[str, Signature]]:
    for path, examined in _files(case):
        for signature in _present(examined):
            yield path, signature


def _spot(path: str, signature: Signature, reason: Reason | None) -> Spot:
    explanation = EXPLANATIONS[reason] if reason else None
    why = (explanation.text_vi, explanation.text_en) if explanation else ("", "")
    return Spot(path, signature.signer or "?", signature.organisation, why)


def _invalid(code: str) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        for path, signature in _signatures(case):
            if signature.verdict is Verdict.INVALID:
                reason = signature.reasons[0]
                if _BY_CERTIFICATE.get(reason, "signature-invalid") == code:
                    yield _spot(path, signature, reason)

    return look


def _unknown(case: Case) -> Spots:
    for path, signature in _signatures(case):
        if signature.verdict is Verdict.UNKNOWN:
            yield _spot(path, signature, signature.reasons[0])


def _noted(reason: Reason) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        for path, signature in _signatures(case):
            if reason in signature.reasons:
                yield _spot(path, signature, reason)

    return look


def _unstamped(case: Case) -> Spots:
    for path, signature in _signatures(case):
        # A timestamp that is there and not proven is told apart.
        if signature.timestamped or Reason.TIMESTAMP_NOT_PROVEN in signature.reasons:
            continue
        if signature.verdict is not Verdict.INVALID:
            yield _spot(path, signature, None)


def _missing(case: Case) -> Spots:
    if case.examination and case.examination.files and not any(_signatures(case)):
        yield Spot(_FILES)


def _unsigned(case: Case) -> Spots:
    if not any(_signatures(case)):
        return
    for path, examined in _files(case):
        if not _present(examined):
            yield Spot(path, examined.name)


def _role_missing(role: Role) -> Callable[[Case], Spots]:
    """Look in the first file, the document itself; a signature of unknown role may be the one."""

    def look(case: Case) -> Spots:
        for path, examined in _files(case):
            roles = {each.role for each in _present(examined)}
            if roles and not roles & {role, Role.UNKNOWN}:
                yield Spot(path, examined.name)
            return

    return look


def _packet_invalid(case: Case) -> Spots:
    for signature in case.examination.packet_signatures if case.examination else ():
        if signature.verdict is Verdict.INVALID:
            yield _spot("Signature", signature, signature.reasons[0])


RULES = (
    Rule(
        "signature-missing",
        Severity.WARN,
        _missing,
        (
            "Không tệp nào có chữ ký số: văn bản chỉ có giá trị để biết, tham khảo.",
            "Ký số tệp văn bản (người có thẩm quyền và cơ quan) rồi gửi.",
        ),
        (
            "No file is digitally signed: the document is for reference only.",
            "Have the competent person and the agency sign it, then send.",
        ),
        f"QĐ 28/2018/QĐ-TTg, Điều 4.2; {CV_807}",
    ),
    Rule(
        "attachment-unsigned",
        Severity.WARN,
        _unsigned,
        (
            "Tệp «{found}» chưa có chữ ký số của cơ quan, trong khi tệp khác đã ký.",
            "Ký số của cơ quan vào từng tệp kèm theo không cùng tệp với văn bản.",
        ),
        (
            "The file “{found}” is not signed, while another is.",
            "Have the agency sign every annex that is a file of its own.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I, II.8.b, III.1.d",
    ),
    Rule(
        "signature-invalid",
        Severity.REFUSE,
        _invalid("signature-invalid"),
        ("Chữ ký số của {found} không hợp lệ. {why}", "Gửi đúng tệp gốc đã ký, hoặc ký lại."),
        (
            "The signature of {found} is not valid. {why}",
            "Send the signed original, or have it signed again.",
        ),
        "NĐ 30/2020/NĐ-CP, Điều 21.2.a-b; QĐ 28/2018/QĐ-TTg, Điều 9.1",
    ),
    Rule(
        "certificate-revoked",
        Severity.REFUSE,
        _invalid("certificate-revoked"),
        (
            "Chứng thư số của {found} đã bị thu hồi trước khi ký.",
            "Ký lại bằng chứng thư số còn hiệu lực.",
        ),
        (
            "The certificate of {found} was revoked before the signing.",
            "Sign again with one in force.",
        ),
        f"{CV_807}; QĐ 28/2018/QĐ-TTg, Điều 9.1",
    ),
    Rule(
        "certificate-expired",
        Severity.REFUSE,
        _invalid("certificate-expired"),
        (
            "Chứng thư số của {found} không có hiệu lực lúc ký.",
            "Gia hạn chứng thư số rồi ký lại.",
        ),
        (
            "The certificate of {found} was not in validity at signing.",
            "Renew it and sign again.",
        ),
        f"{CV_807}; QĐ 28/2018/QĐ-TTg, Điều 9.1",
    ),
    # It may be the list of trusted roots that lacks something: a person decides.
    Rule(
        "certificate-untrusted",
        Severity.WARN,
        _invalid("certificate-untrusted"),
        (
            "Chứng thư số của {found} không được tin cậy. {why}",
            "Ký bằng chứng thư số chuyên dùng công vụ; kiểm tra danh sách chứng thư gốc.",
        ),
        (
            "The certificate of {found} is not trusted. {why}",
            "Sign with an official-duty certificate; check the list of trusted roots.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 18",
    ),
    Rule(
        "signature-weak",
        Severity.WARN,
        _invalid("signature-weak"),
        (
            "Chữ ký số của {found} dùng thuật toán yếu (SHA-1, MD5, khóa ngắn).",
            "Ký lại bằng SHA-256 và RSA từ 2048 bit.",
        ),
        (
            "The signature of {found} is weak (SHA-1, MD5, a short key).",
            "Sign again with SHA-256 and RSA of 2048 bits.",
        ),
        "TT 15/2025/TT-BKHCN; TT 06/2015/TT-BTTTT [M]",
    ),
    Rule(
        "signature-unknown",
        Severity.WARN,
        _unknown,
        (
            "Chưa xác định được chữ ký số của {found} có hợp lệ không. {why}",
            "Kiểm tra chữ ký bằng phần mềm ký số trước khi gửi.",
        ),
        (
            "Whether the signature of {found} is valid could not be told. {why}",
            "Verify it in the signing software before sending.",
        ),
        f"{CV_807}; QĐ 28/2018/QĐ-TTg, Điều 9.1",
    ),
    Rule(
        "signature-unstamped",
        Severity.WARN,
        _unstamped,
        (
            "Chữ ký số của {found} không có dấu thời gian: hết hạn chứng thư thì khó kiểm chứng.",
            "Bật dấu thời gian (TSA) trong phần mềm ký số.",
        ),
        (
            "The signature of {found} has no timestamp: it is hard to prove once the certificate "
            "has expired.",
            "Switch on the timestamp (TSA) in the signing software.",
        ),
        f"{CV_807} (đầy đủ thông tin xác thực chữ ký số)",
    ),
    Rule(
        "timestamp-unproven",
        Severity.WARN,
        _noted(Reason.TIMESTAMP_NOT_PROVEN),
        (
            "Dấu thời gian của chữ ký {found} sai hoặc không kiểm tra được nên không được tính.",
            "Ký lại kèm dấu thời gian.",
        ),
        (
            "The timestamp of the signature of {found} is wrong or cannot be verified, so it does "
            "not count.",
            "Sign again with a timestamp.",
        ),
        f"{CV_807} (đầy đủ thông tin xác thực chữ ký số)",
    ),
    Rule(
        "signer-not-issuer",
        Severity.WARN,
        _noted(Reason.ORGANISATION_DIFFERS),
        (
            "Chữ ký số của {found} thuộc «{expected}», không phải cơ quan gửi.",
            "Kiểm tra mã cơ quan gửi và chứng thư số đã ký.",
        ),
        (
            "The signature of {found} is of “{expected}”, not of the sender.",
            "Check the sender's code and the certificate that signed.",
        ),
        f"{CV_807} (đúng thẩm quyền)",
    ),
    Rule(
        "agency-signature-missing",
        Severity.WARN,
        _role_missing(Role.AGENCY),
        (
            "Tệp văn bản «{found}» chưa có chữ ký số của cơ quan.",
            "Văn thư ký số của cơ quan vào tệp rồi gửi.",
        ),
        (
            "The document's file “{found}” lacks the agency's signature.",
            "Have the agency's seal put on it, then send.",
        ),
        _TWO_SIGNATURES,
    ),
    Rule(
        "person-signature-missing",
        Severity.WARN,
        _role_missing(Role.PERSON),
        (
            "Tệp văn bản «{found}» chưa có chữ ký số của người có thẩm quyền.",
            "Trình người có thẩm quyền ký số rồi gửi.",
        ),
        (
            "The document's file “{found}” lacks the signature of a competent person.",
            "Have that person sign it, then send.",
        ),
        _TWO_SIGNATURES,
    ),
    Rule(
        "signed-after-promulgation",
        Severity.WARN,
        _noted(Reason.SIGNED_AFTER_PROMULGATION),
        ("Chữ ký số của {found} có sau ngày ban hành.", "Kiểm tra ngày ban hành."),
        ("The signature of {found} is later than the promulgation.", "Check the date."),
        "NĐ 30/2020/NĐ-CP, Điều 18.1",
    ),
    # Samples carry dummy certificates here; trust rests on the files (practice, not law).
    Rule(
        "packet-signature-invalid",
        Severity.WARN,
        _packet_invalid,
        (
            "Chữ ký của gói tin ({found}) không hợp lệ. {why}",
            "Ký lại gói tin, hoặc bỏ chữ ký gói tin; chữ ký trong từng tệp mới có giá trị pháp lý.",
        ),
        (
            "The packet's own signature ({found}) is not valid. {why}",
            "Sign the packet again or leave it unsigned; what counts are the signatures of the "
            "files.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 6.1",
    ),
)
