from xml.etree.ElementTree import XMLParser

class DefusedXMLParser(XMLParser):
    def __init__(
        self,
        html: object = ...,
        target: object | None = None,
        encoding: str | None = None,
        forbid_dtd: bool = False,
        forbid_entities: bool = True,
        forbid_external: bool = True,
    ) -> None: ...
