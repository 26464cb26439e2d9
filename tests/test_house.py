"""Test the house rules on the source: for example, that imports point down, and that
only commands print or exit.
"""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from house import FILES, PACKAGE, ROOT, check, module_of, nodes, package

import provscan

pytestmark = pytest.mark.untraced

BOTTOM_UP = [
    "errors caches temporary urls names messages statuses params options keywords "
    "arrays text_buffers snowflakes ordered_map writing opening",
    "kernels readers",
    "inspection testing text sketch estimate",
    "index",
    "unfinished scoring matching",
    "engine calibration",
    "runs",
    "indexing report lookup",
    "api",
    "probe cleaning handover ledger",
    "cli server integrations __init__ __main__",
]
"""The packages of each layer, from the lowest to the highest."""

LAYERS = {
    name: layer for layer, names in enumerate(BOTTOM_UP) for name in names.split()
}

READERS = {
    "fields": 1,
    "bytes": 2,
    "splits": 2,
    "formats": 3,
    "texts": 4,
    "reading": 5,
    "planning": 5,
    "finding": 5,
    "corpus": 6,
}
"""The layers of readers/: of its folders, and of its modules above layer 0."""

SATELLITES = {"probe", "cleaning", "handover", "ledger", "server", "integrations"}
"""Packages that contain all code of their feature, from kernels to pages."""


@pytest.fixture(autouse=True, scope="module")
def parsed_once():
    yield
    nodes.cache_clear()


def imports(path):
    """Yield the line and absolute name of every import in a file, including those
    inside functions and those for type checkers.
    """
    parts = (
        module_of(path).split(".")
        if path.stem == "__init__"
        else module_of(path).split(".")[:-1]
    )
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield (
                    node.lineno,
                    origin if origin != "provscan" else f"provscan.{name.name}",
                )


def test_every_package_has_a_layer():
    packages = {
        package(module_of(path))
        for path in FILES
        if path.parent != PACKAGE or path.stem != "__init__"
    }
    assert packages <= LAYERS.keys(), f"give them a layer: {packages - LAYERS.keys()}"


def test_no_file_is_long():
    check(
        "length",
        (
            (path, "")
            for path in FILES
            if len(path.read_text(encoding="utf-8").splitlines()) > 700
        ),
    )


def test_no_function_has_many_parameters():
    """Public functions, and the commands with the same options, may have more than
    eight parameters.
    """
    public = {"build_index", "clean", "match", "command"}
    offenders = [
        (path, f":{node.lineno}: {node.name} has {count} parameters")
        for path in FILES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name not in public
        if (
            count := len(
                [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            )
        )
        > 8
    ]
    check("parameters", offenders)


def test_imports_point_down():
    offenders = []
    for path in FILES:
        own = package(module_of(path))
        for line, name in imports(path):
            if name.split(".")[0] != "provscan" or name == "provscan.__version__":
                continue
            theirs = package(name)
            if theirs not in LAYERS and own == "cli":
                # A public name is imported, as in "from provscan import match".
                continue
            if own == "cli" and theirs == "__init__":
                continue  # Commands may use the public names.
            if theirs not in LAYERS:
                offenders.append((path, f":{line}: imports {name}, which has no layer"))
            elif LAYERS[theirs] > LAYERS[own]:
                offenders.append(
                    (path, f":{line}: {own} imports {name} from a higher layer")
                )
    check("imports", offenders)


def test_the_stages_of_a_run_import_only_earlier_stages():
    stages = ["folder", "inputs", "target", "scan", "counting", "measures", "answer"]
    stages += ["evidence", "questions", "gates", "match"]

    def stage(module):
        return stages.index(module.split(".")[2])

    offenders = [
        (path, f":{line}: imports {name} of a later stage")
        for path in FILES
        if module_of(path).startswith("provscan.runs.")
        for line, name in imports(path)
        if name.startswith("provscan.runs.") and stage(name) > stage(module_of(path))
    ]
    check("stages", offenders)


def test_imports_within_readers_point_down():
    offenders = []
    for path in FILES:
        own = module_of(path).split(".")
        if own[1:2] != ["readers"] or len(own) == 2:
            continue
        for line, name in imports(path):
            theirs = name.split(".")
            if theirs[1:2] == ["readers"] and READERS.get(own[2], 0) < READERS.get(
                theirs[2], 0
            ):
                offenders.append((path, f":{line}: imports {name}"))
    check("imports within readers", offenders)


def test_only_commands_and_public_names_import_a_satellite():
    offenders = [
        (path, f":{line}: imports {name}")
        for path in FILES
        for line, name in imports(path)
        if package(module_of(path)) not in {"cli", "__init__", package(name)}
        and name.startswith("provscan.")
        and package(name) in SATELLITES
    ]
    check("satellites", offenders)


def test_packages_of_one_layer_do_not_import_each_other_in_a_circle():
    graph = {}
    for path in FILES:
        own = package(module_of(path))
        theirs = {
            package(name) for _, name in imports(path) if name.startswith("provscan.")
        }
        graph.setdefault(own, set()).update(theirs & LAYERS.keys() - {own})
    tuple(TopologicalSorter(graph).static_order())


KERNELS = sorted(PACKAGE.glob("kernels/**/*.py"))


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernels_import_neither_arrow_nor_other_packages(path):
    for line, name in imports(path):
        assert name.split(".")[0] != "pyarrow", (
            f"{path}:{line}: a kernel imports {name}"
        )
        known = package(name) == "kernels" or (path.stem, name) == (
            "jit",
            "provscan.caches",
        )
        assert known or name.split(".")[0] != "provscan", (
            f"{path}:{line}: a kernel imports {name}"
        )


def test_kernels_allocate_nothing():
    """Callers of kernels allocate all arrays, since kernels do not count references to
    arrays.
    """
    making = {
        "empty",
        "zeros",
        "ones",
        "full",
        "arange",
        "array",
        "concatenate",
        "copy",
    }
    for path in KERNELS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(d).startswith(("kernel", "helper"))
                for d in node.decorator_list
            ):
                called = (
                    call.func for call in ast.walk(node) if isinstance(call, ast.Call)
                )
                assert not making & {
                    function.attr for function in called if hasattr(function, "attr")
                }, node.name


def test_only_kernels_call_helpers():
    """A helper can't be called from Python, so such a call would crash."""
    helpers = {
        (module_of(path), node.name)
        for path in PACKAGE.rglob("kernels/**/*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(d).startswith("helper") for d in node.decorator_list)
    }
    modules = {module for module, _ in helpers}
    for path in FILES:
        if package(module_of(path)) == "kernels":
            continue
        known = {}
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    assert (node.module, alias.name) not in helpers, path
                    if (module := f"{node.module}.{alias.name}") in modules:
                        known[alias.asname or alias.name] = module
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = known.get(node.value.id, "")
                assert (module, node.attr) not in helpers, path


def test_only_the_commands_print_or_exit():
    offenders = []
    for path in FILES:
        if package(module_of(path)) in ("cli", "__main__"):
            continue
        for node in nodes(path):
            match node:
                case ast.Call(
                    func=ast.Name(id="print" | "exit" | "quit" | "breakpoint")
                ):
                    offenders.append((path, f":{node.lineno}: calls {node.func.id}"))
                case ast.Attribute(
                    value=ast.Name(id="sys"), attr="exit" | "stdout" | "stderr"
                ):
                    offenders.append((path, f":{node.lineno}: uses sys.{node.attr}"))
                case ast.Attribute(value=ast.Name(id="os"), attr="_exit" | "abort"):
                    offenders.append((path, f":{node.lineno}: uses os.{node.attr}"))
                case ast.Name(id="SystemExit"):
                    offenders.append((path, f":{node.lineno}: exits"))
    check("printing and exits", offenders)


def test_nothing_is_unpickled():
    for path in FILES:
        for line, name in imports(path):
            assert name.split(".")[0] not in {
                "pickle",
                "marshal",
                "shelve",
                "dill",
                "joblib",
            }, f"{path}:{line}: {name}"
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path


def test_public_names_are_the_documented_ones():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^::: provscan\.(\w+)$", page, re.MULTILINE)
    assert {*provscan.__all__} <= {*documented}
    for name in provscan.__all__:
        assert getattr(provscan, name).__doc__, f"{name} has no docstring"
