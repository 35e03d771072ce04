"""The architecture as a test: who may import whom, and how long and how named files may be."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("models", "dashboard", "pages", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
CODE = [path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts]

# A floor and the floors it may import, most specific prefix first. `figures` sees the records of
# `models`, which need no torch; only what starts the app knows the list of pages.
RECORDS = ("models.records", "models.spec", "models.zoo")
ANALYSIS = ("models", "dashboard.data", "dashboard.analysis")
SHOWN = (*ANALYSIS, "dashboard.figures", "dashboard.recipes", "dashboard.navigation")
FLOORS = {
    "models": ("models",),
    "dashboard.data": ("models", "dashboard.data"),
    "dashboard.analysis": ANALYSIS,
    "dashboard.recipes": (*ANALYSIS, "dashboard.recipes"),
    "dashboard.commands": (*SHOWN, "dashboard.commands"),
    "dashboard.__main__": (*SHOWN, "dashboard.commands"),
    "dashboard.figures": (*RECORDS, "dashboard.data", "dashboard.figures"),
    "dashboard.navigation": (),
    "dashboard.ui": (*SHOWN, "dashboard.ui"),
    "pages": (*SHOWN, "dashboard.ui"),
    "dashboard.app": (*SHOWN, "dashboard.ui"),
}

# Packages that only these floors may import.
OWNERS = {
    "torch": ("models", "dashboard.analysis", "dashboard.recipes"),
    "safetensors": ("models",),
    "captum": ("models",),
    "plotly": ("dashboard.figures",),
    "streamlit": ("dashboard.ui", "pages", "dashboard.app"),
}

# Required, but not through an import of ours.
USED_OTHERWISE = {
    "nilearn": "its MNI152 file is read from the installed package",
    "watchdog": "streamlit uses it",
    "python-gdcm": "pydicom decodes with it, in a child process",
    "pylibjpeg": "pydicom finds the next two through it",
    "pylibjpeg-openjpeg": "pydicom decodes with it, in a child process",
    "pylibjpeg-rle": "pydicom decodes with it, in a child process",
}

# Fixed by the public interface; imported by full name only, so nothing is shadowed.
ALLOWED_NAMES = {"trace"}

FOLDERS = {".ci", ".streamlit", "dashboard", "models", "pages", "tests"}


def module_of(path: Path) -> str:
    """Dotted name of a source file, from the repository root."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(nodes) -> set[str]:
    """Dotted names that the import statements among `nodes` may load."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def under(name: str, prefixes) -> bool:
    """Whether a dotted name is one of the prefixes or lies below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def floor_of(module: str) -> str:
    return next(floor for floor in FLOORS if under(module, [floor]))


def import_names(lines) -> dict[str, set[str]]:
    """Import names of each package in lines of requirements, by its name in lower case."""
    wanted = {re.match(r"[\w-]+", line)[0].lower() for line in lines if line[:1].isalnum()}
    names = {package: set() for package in wanted}
    for module, packages in packages_distributions().items():
        for package in {name.lower() for name in packages} & wanted:
            names[package].add(module)
    return names


def required_names() -> dict[str, set[str]]:
    """What requirements.txt brings."""
    return import_names((ROOT / "requirements.txt").read_text().splitlines())


def dev_names() -> set[str]:
    """What the `dev` group brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return set().union(*import_names(project["dependency-groups"]["dev"]).values())


def import_breaches(module: str, tree: ast.Module) -> list[str]:
    """What a module imports although its floor may not."""
    floor = floor_of(module)
    names = imported(ast.walk(tree))
    own = {n for n in names if under(n, ("models", "dashboard", "pages", "tests"))}
    above = {n for n in own if not under(n, FLOORS[floor])}
    owned = {n for n in names - own for p in OWNERS if under(n, [p]) and floor not in OWNERS[p]}
    return sorted(above | owned)


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_module_imports_only_what_its_floor_may(path):
    assert import_breaches(module_of(path), tree_of(path)) == []


@pytest.mark.parametrize(
    ("module", "source", "breach"),
    [
        ("models.nets.vgg", "from dashboard.data import sample", "dashboard.data.sample"),
        ("dashboard.data.store", "def f():\n    import torch", "torch"),
        ("dashboard.figures.signals", "from models.registry import find", "models.registry.find"),
        ("dashboard.analysis.bench", "import plotly.graph_objects as go", "plotly.graph_objects"),
        ("pages.ecg", "from torch.nn import Linear", "torch.nn.Linear"),
        ("dashboard.commands.train", "from streamlit.web import cli", "streamlit.web.cli"),
    ],
)
def test_a_breach_of_the_floors_is_seen(module, source, breach):
    assert import_breaches(module, ast.parse(source)) == [breach]


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_module_opens_with_a_sentence(path):
    sentence = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]
    assert sentence.endswith((".", "?")), "the first paragraph says what the module does"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_file_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=module_of)
def test_page_is_a_thin_script(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 100
    assert not [n.name for n in ast.walk(tree_of(path)) if isinstance(n, ast.ClassDef)]


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_errors_are_caught_by_name(path):
    handlers = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ExceptHandler)]
    caught = [ast.unparse(handler.type) if handler.type else "" for handler in handlers]
    assert not {"", "Exception", "BaseException"} & set(caught)


def test_no_module_shadows_the_standard_library_or_a_package():
    taken = set(sys.stdlib_module_names).union(*required_names().values())
    names = {part for path in CODE for part in path.relative_to(ROOT).with_suffix("").parts}
    own = {"__init__", "__main__", "models", "dashboard", "pages"}
    assert (names - own) & taken - ALLOWED_NAMES == set()


def test_only_three_modules_lie_directly_under_dashboard():
    # `streamlit run` puts this folder on the path, where a fourth could shadow a package.
    assert {p.stem for p in (ROOT / "dashboard").glob("*.py")} <= {"__main__", "app", "navigation"}


def identifiers(tree: ast.Module) -> set[str]:
    """Every name that the code spells: variables, attributes, arguments, definitions, imports."""
    fields = ("id", "attr", "name", "arg", "asname", "module")
    found = (getattr(node, field, None) for node in ast.walk(tree) for field in fields)
    return {name for name in found if isinstance(name, str)}


@pytest.mark.parametrize("path", [p for p in CODE if "models" in p.parts], ids=module_of)
def test_only_nd_spells_a_number_of_dimensions(path):
    if module_of(path) != "models.nd":
        assert [n for n in identifiers(tree_of(path)) if re.search(r"[123]d(_|\b)", n)] == []


def loaded_with(module: str, seen: set[str]) -> set[str]:
    """Our modules that importing `module` imports at once (not inside a function)."""
    path = ROOT.joinpath(*module.split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    if module in seen or not file.is_file():
        return seen
    seen.add(module)
    for name in imported(tree_of(file).body):
        for known in (name, name.rpartition(".")[0]):
            if under(known, ("models", "dashboard")):
                loaded_with(known, seen)
    return seen


def test_landing_page_does_not_load_torch():
    modules = loaded_with("dashboard.app", loaded_with("pages.home", {"dashboard.navigation"}))
    # The scripts themselves draw when they run; what they import is what counts.
    imports = "\n".join(f"import {m}" for m in sorted(modules - {"dashboard.app", "pages.home"}))
    check = (
        "import sys; sys.exit(f'torch came with these imports' if 'torch' in sys.modules else 0)"
    )
    command = [sys.executable, "-c", f"{imports}\n{check}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stderr[-500:]}\n{imports}"


def test_every_import_is_required_and_every_requirement_is_used():
    ours = {"models", "dashboard", "pages", "tests"}
    used = set().union(*(imported(ast.walk(tree_of(path))) for path in CODE))
    foreign = {name.split(".")[0] for name in used} - set(sys.stdlib_module_names) - ours
    required = required_names()
    optional = dev_names()  # `bench` compares with one where it is installed, inside a function
    missing = foreign - set().union(*required.values()) - optional
    assert missing == set(), "missing in requirements.txt"
    at_once = set().union(*(imported(tree_of(path).body) for path in CODE))
    assert {name.split(".")[0] for name in at_once} & optional == set(), "a test tool, needed"
    unused = {p for p, names in required.items() if not names & foreign} - set(USED_OTHERWISE)
    assert unused == set(), "in requirements.txt, imported nowhere"


def test_every_requirement_has_an_upper_bound_and_a_reason():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if not line.startswith("#"):
            assert re.fullmatch(r"[\w-]+(==[\d.]+|>=[\d.]+,<[\d.]+)\s+# .{10,}", line), line


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [Path(line) for line in listing.stdout.splitlines()]


def test_top_level_folders_are_those_of_the_architecture():
    assert {path.parts[0] for path in tracked_files() if len(path.parts) > 1} <= FOLDERS


def test_no_file_names_a_package_index():
    index = re.compile(r"https?://\S*/(simple|whl)\b|(index-url|find-links|trusted-host)[= ]+http")
    text = {".py", ".md", ".toml", ".txt", ".json", ""}
    files = [ROOT / path for path in tracked_files() if path.suffix in text]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file()}
    assert [str(path) for path, content in texts.items() if index.search(content)] == []
