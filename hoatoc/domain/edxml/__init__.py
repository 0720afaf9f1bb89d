"""edXML, the packet of QCVN 102:2016/BTTTT: read with tolerance, written to the letter."""

from hoatoc.domain.edxml.archive import unpack
from hoatoc.domain.edxml.element import NAMESPACE
from hoatoc.domain.edxml.parser import LARGEST_PACKET_BYTES, MAX_PACKET_BYTES
from hoatoc.domain.edxml.reading import read_any, read_packet, read_status
from hoatoc.domain.edxml.writing import write_packet, write_status

__all__ = [
    "LARGEST_PACKET_BYTES",
    "MAX_PACKET_BYTES",
    "NAMESPACE",
    "read_any",
    "read_packet",
    "read_status",
    "unpack",
    "write_packet",
    "write_status",
]
