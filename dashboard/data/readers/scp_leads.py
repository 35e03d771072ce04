"""Numbers under which SCP-ECG, and DICOM after it, name the leads.

Source: EN 1064:2005+A1:2007 (SCP-ECG), section 5.6.3, table "Lead identification"; the same
numbers end the codes of DICOM CID 3001 (scheme SCPECG "5.6.3-9-1", scheme MDC "2:1").
"""

import re

LEADS = {
    **dict(enumerate(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "V7"), start=1)),
    **dict(enumerate(("V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "X", "Y", "Z"), start=10)),
    **dict(enumerate(("CC5", "CM5", "LA", "RA", "LL"), start=19)),
    **dict(enumerate(("fI", "fE", "fC", "fA", "fM", "fF", "fH"), start=24)),
    **dict(enumerate(("III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9", "V8R", "V9R"), start=61)),
    **dict(enumerate(("D", "A", "J"), start=70)),
}
_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,3})(?:-\d+)?")


def lead_of_code(code: str) -> str | None:
    """The lead that a DICOM channel source code means, None where it is none of these."""
    match = _CODE.fullmatch(code.strip())
    return LEADS.get(int(match[1])) if match else None
