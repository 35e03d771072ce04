"""The pages of the app: one row each, in the order of the menu."""

from dataclasses import dataclass
from pathlib import Path

PAGES_FOLDER = Path(__file__).parent.parent / "pages"


@dataclass(frozen=True)
class PageRow:
    """A page: `file` in pages/, its title, Material icon and menu section ("" is always shown)."""

    file: str
    title: str
    icon: str
    section: str = ""

    @property
    def path(self) -> str:
        """Absolute path of the page's script."""
        return str(PAGES_FOLDER / self.file)


PAGES = (
    PageRow("home.py", "Home", ":material/home:"),
    PageRow("ecg.py", "ECG", ":material/ecg_heart:"),
    PageRow("scan.py", "Scan", ":material/view_in_ar:"),
    PageRow("explorer.py", "Layer explorer", ":material/layers:"),
)


def page(file: str) -> PageRow:
    """The row of a page script; raises KeyError when no row names it."""
    return next(row for row in PAGES if row.file == file)
