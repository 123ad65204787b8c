"""Map the repository's top-level folders into the one import package.

``tracker/`` in the repository is ``posetube.tracker`` once installed, and so on. Nothing is
installed under a bare top-level name: ``datasets`` belongs to somebody else on many machines.
Sub-packages are found without being listed here; everything else is said in pyproject.toml.
"""

from setuptools import find_packages, setup

FOLDERS = ("tracker", "models3d", "datasets", "pipelines")

found = find_packages(include=[f"{folder}{tail}" for folder in FOLDERS for tail in ("", ".*")])
setup(
    packages=["posetube", "posetube.structures", *(f"posetube.{name}" for name in found)],
    package_dir={"posetube": "posetube", **{f"posetube.{f}": f for f in FOLDERS}},
    package_data={
        "posetube": ["py.typed"],
        "posetube.pipelines.reporting": ["page/*.html", "page/*.css", "page/*.js"],
        "posetube.models3d": [
            "weights/*.safetensors",
            "weights/*.onnx",
            "weights/*.md",
            "weights/refiners/*.safetensors",
            "weights/refiners/*.md",
        ],
    },
)
