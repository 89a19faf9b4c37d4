"""The annotation loop with real Label Studio, from pack to agreement, over its API on this machine alone.

python benchmarks/label_studio.py VENV [--data FOLDER] [--pictures 6] [--port 8765] [--keep FOLDER]

VENV: a virtual environment with Label Studio: python -m venv VENV && VENV/bin/pip install label-studio. It is
started on 127.0.0.1 with a data folder of its own. Pictures are packed for two annotators with the network's
drafts; each gets a project, its tasks and its drafts over the API. Then both annotators accept every draft,
but that the second paints a bar of known size into each: the export is collected, and the agreement must be
what the bars make it, to 0.1 %. Label Studio's own PNGs of the drafts must be the masks that were packed, and
run lengths of its own code must be read right. Exits with 1 where anything of this is not so.

--data: a data folder or one of pictures; frames of the clip that comes with livematte when left out.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import livematte
from livematte.dataset import Pictures, read_index
from livematte.dataset.formats import label_studio

ANNOTATORS = ("anna", "berta")
PATIENCE = 600  # seconds until Label Studio answers
BAR = 8  # rows that the second annotator adds at the top of the picture


def main() -> None:
    """Pack, annotate, export, collect, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("venv", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--keep", type=Path, help="a new folder for all that is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(exist_ok=True)
        data = arguments.data or frames(folder / "pictures", arguments.pictures)
        livematte.pack_annotation(data, folder / "pack", ANNOTATORS, overlap=1.0)
        with served(arguments.venv, folder, arguments.port) as api:
            print("label-studio", api("GET", "/api/version")["label-studio-os-package"]["version"])
            exports = {name: annotated(api, folder / "pack" / name, name) for name in ANNOTATORS}
            right = as_png(api, folder / "pack" / ANNOTATORS[0])
        for name, tasks in exports.items():
            (folder / f"{name}.json").write_text(json.dumps(tasks))
        results = {name: folder / f"{name}.json" for name in ANNOTATORS}
        collected = livematte.collect_annotation(folder / "pack", folder / "back", results)
        for name, one in collected.items():
            print(f"{name}: {one.pictures} pictures collected")
        right &= compare(folder) & reads(arguments.venv)
        sys.exit(0 if right else 1)


def frames(folder: Path, count: int) -> Path:
    """Frames of the clip that comes with livematte, half a second apart, as pictures."""
    folder.mkdir()
    with as_file(files("livematte.sample") / "clip.mp4") as clip:
        for number, frame in enumerate(islice(livematte.read(clip), 0, 15 * count, 15)):
            Image.fromarray(frame.rgb(480, 270)).save(folder / f"{number}.png")
    return folder


class Api:
    """Label Studio's, spoken to with JSON."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    def __call__(self, method: str, path: str, content: object = None) -> Any:
        """The answer to a request; RuntimeError where it is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        connection.request(method, path, None if content is None else json.dumps(content), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {body[:500]!r}")
        return json.loads(body) if body else None


@contextmanager
def served(venv: Path, folder: Path, port: int) -> Iterator[Api]:
    """Label Studio on the loopback device; stopped in the end."""
    token, password = secrets.token_hex(20), secrets.token_urlsafe(12)
    command = [venv / "bin" / "label-studio", "start", "--no-browser", "--data-dir", folder / "server"]
    command += ["--internal-host", "127.0.0.1", "--port", str(port), "--username", "anna@example.org"]
    command += ["--password", password, "--user-token", token, "--enable-legacy-api-token"]
    environment = os.environ | {
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder / "pack"),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
    }
    environment.pop("PYTHONPATH", None)  # it is for our own interpreter
    (folder / "server").mkdir(exist_ok=True)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)
    api = Api(port, token)
    try:
        wait(api, process, folder / "server.log")
        yield api
    finally:
        process.terminate()
        process.wait()


def wait(api: Api, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            api("GET", "/api/projects")
            return
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"Label Studio does not start ({error}); its log: {log.read_text()[-2000:]}")
            time.sleep(1)


def annotated(api: Api, part: Path, name: str) -> list[dict[str, Any]]:
    """Import one annotator's tasks into a project of its own, annotate them, and export."""
    config = (part / "config.xml").read_text()
    api("POST", "/api/projects/validate", {"label_config": config})
    project = api("POST", "/api/projects", {"title": name, "label_config": config})["id"]
    storage = {"project": project, "title": "pictures", "path": str(part / "images"), "use_blob_urls": True}
    api("POST", "/api/storages/localfiles", storage)
    tasks = json.loads((part / "tasks.json").read_text())
    for task in tasks:  # Label Studio serves from the pack's folder, in which each annotator has one
        task["data"]["image"] = task["data"]["image"].replace("?d=", f"?d={name}/")
    imported = api("POST", f"/api/projects/{project}/import", tasks)
    print(f"{name}: {imported['task_count']} tasks, {imported['prediction_count']} drafts imported")
    for task in api("GET", f"/api/tasks?project={project}&fields=all&page_size=1000")["tasks"]:
        picture = fetched(api, task["data"]["image"])
        if picture != (part / "images" / Path(task["data"]["name"]).name).read_bytes():
            sys.exit(f"{task['data']['image']}: Label Studio serves another picture")
        drafts = [one for draft in task["predictions"] for one in draft["result"]]
        if name == ANNOTATORS[1]:
            drafts.append(bar(drafts[0], part / task["data"]["name"]))
        api("POST", f"/api/tasks/{task['id']}/annotations", {"result": drafts})
    exported: list[dict[str, Any]] = api("GET", f"/api/projects/{project}/export?exportType=JSON")
    return exported


def as_png(api: Api, part: Path) -> bool:
    """Whether Label Studio's own PNGs of the first project's masks are those that were packed."""
    drafts = drafted(part)
    project = next(one["id"] for one in api("GET", "/api/projects")["results"] if one["title"] == part.name)
    tasks = api("GET", f"/api/tasks?project={project}&fields=all&page_size=1000")["tasks"]
    pictures = {task["id"]: Path(task["data"]["name"]).name for task in tasks}
    data = fetched(api, f"/api/projects/{project}/export?exportType=BRUSH_TO_PNG")
    same = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            mask = np.array(Image.open(io.BytesIO(archive.read(name)))) > 127
            same.append(np.array_equal(mask, drafts[pictures[int(name.split("-")[1])]]))
    print(f"PNGs of Label Studio's own: {sum(same)} of {len(drafts)} are the packed masks")
    return sum(same) == len(drafts)


def reads(venv: Path) -> bool:
    """Whether run lengths that Label Studio's own code makes are read right."""
    masks = np.random.default_rng(1).random((20, 37, 53)) < np.linspace(0, 1, 20)[:, None, None]
    code = (
        "import sys, json, numpy as np; from label_studio_sdk.converter.brush import mask2rle;"
        "print(json.dumps([mask2rle(np.array(one, np.uint8) * 255) for one in json.load(sys.stdin)]))"
    )
    given = json.dumps(masks.astype(int).tolist())
    run = [venv / "bin" / "python", "-c", code]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(run, input=given, capture_output=True, text=True, check=True, env=environment)
    read = [label_studio.decode(rle, (53, 37)) for rle in json.loads(done.stdout.splitlines()[-1])]
    right = sum(np.array_equal(one, mask) for one, mask in zip(read, masks, strict=True))
    print(f"run lengths of Label Studio's own: {right} of {len(masks)} read right")
    return right == len(masks)


def fetched(api: Api, path: str) -> bytes:
    """A picture as Label Studio serves it."""
    connection = http.client.HTTPConnection("127.0.0.1", api._port, timeout=PATIENCE)
    connection.request("GET", path, headers={"Authorization": f"Token {api._token}"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return body


def bar(draft: dict[str, Any], picture: Path) -> dict[str, Any]:
    """A brush stroke over the picture's upper rows."""
    with Image.open(picture) as image:
        wide, high = image.size
    mask = np.zeros((high, wide), bool)
    mask[:BAR] = True
    value = {"format": "rle", "rle": label_studio.encode(mask), "brushlabels": ["person"]}
    return draft | {"id": "bar", "value": value}


def compare(folder: Path) -> bool:
    """Whether every mask came back as the draft was, and the agreement is what the bars make it."""
    both = either = 0
    first, second = (folder / "back" / name for name in ANNOTATORS)
    drafts = drafted(folder / "pack" / ANNOTATORS[0])
    for row in read_index(first):
        with Pictures(first) as pictures:
            mask = pictures.person(row) > 127
        if not np.array_equal(mask, drafts[Path(row.image).name]):
            print(f"{row.image}: the mask came back changed")
            return False
        painted = mask.copy()
        painted[:BAR] = True
        both += np.count_nonzero(mask & painted)
        either += np.count_nonzero(mask | painted)
    found = livematte.annotation_agreement([first, second])
    print(f"agreement: {found.iou:.5f}, by the bars {both / either:.5f}, of {len(found.pairs)} pictures")
    return abs(found.iou - both / either) < 1e-3


def drafted(part: Path) -> dict[str, Any]:
    """The masks of the packed drafts by picture."""
    found = {}
    for task in json.loads((part / "tasks.json").read_text()):
        results: Sequence[dict[str, Any]] = task["predictions"][0]["result"]
        size = (results[0]["original_width"], results[0]["original_height"])
        found[Path(task["data"]["name"]).name] = label_studio.decode(results[0]["value"]["rle"], size)
    return found


if __name__ == "__main__":
    main()
