"""datasets/download.py against a hub on the loopback address.

    download_test.py DATASETS_FOLDER

Ends with 77 and the reason where Python lacks what downloads need.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import huggingface_hub  # noqa: F401
    import pyarrow
    import pyarrow.parquet
except ImportError as missing:
    print(f"skipped: {missing}; HYLO_PYTHON names a Python that has huggingface_hub and pyarrow")
    sys.exit(77)

from hub_server import COMMIT, HubServer

DATASETS = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(DATASETS))
import hub_layouts  # noqa: E402

ROWS = [{"question": f"{i} \u00e9?", "choices": {"label": ["A", "B"], "text": ["x", "y"]}}
        for i in range(500)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode("utf-8")
RIGHT_HASH = hashlib.sha256(LINES).hexdigest()
BRANCH_FILE = "default/test/0000.parquet"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def parquet(rows):
    # Not compressed: large enough to be cut in the middle.
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink, compression="none")
    return sink.getvalue().to_pybytes()


def manifest(name="riddles", known_hash=None, **changes):
    file = {"path": f"{name}/test.jsonl", "split": "test", "format": "json_lines",
            "bytes": len(LINES) if known_hash else None, "sha256": known_hash, "hub_split": "test"}
    whole = {"name": name, "source": "https://example.org/riddles", "licence": "CC0",
             "attribution": "nobody", "place": "data_root", "fields": {"question": "text"},
             "hub": {"repository": f"someone/{name}", "config": "default", "revision": None},
             "files": [file]}
    return {**whole, **changes}


class Download(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name, "data")
        self.manifests = Path(folder.name, "manifests")
        self.manifests.mkdir()
        self.server = HubServer({"someone/riddles": {BRANCH_FILE: parquet(ROWS)}})
        self.addCleanup(self.server.close)
        self.write(manifest())

    def write(self, described):
        (self.manifests / f"{described['name']}.json").write_text(json.dumps(described))

    def run_script(self, *words, endpoint=None, environment=()):
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("HYLO_DATA", "HF_ENDPOINT", "HF_HUB_OFFLINE")}
        return subprocess.run(
            [sys.executable, DATASETS / "download.py", "--manifests", self.manifests,
             "--endpoint", endpoint or self.server.endpoint, "--data", self.root, *words],
            capture_output=True, text=True, timeout=120, env={**clean, **dict(environment)})

    def expect(self, done, returncode, *texts):
        self.assertEqual(done.returncode, returncode, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def target(self):
        return self.root / "riddles/test.jsonl"

    def record(self):
        return json.loads((self.root / "hylo-downloads.json").read_text())["files"]

    def test_a_file_of_known_hash_comes_and_is_verified(self):
        self.write(manifest(known_hash=RIGHT_HASH))
        self.expect(self.run_script("riddles"), 0, "[1 of 1]", "verified (the manifest)")
        self.assertEqual(self.target().read_bytes(), LINES)
        self.assertFalse((self.root / ".hylo-downloads").exists())

    def test_what_nobody_could_verify_is_recorded_and_the_next_download_held_against_it(self):
        self.expect(self.run_script("riddles"), 0, "accepted on first use", RIGHT_HASH)
        self.assertEqual(self.record(), {"riddles/test.jsonl": dict(
            repository="someone/riddles", revision="refs/convert/parquet", commit=COMMIT,
            hub_files=[BRANCH_FILE], bytes=len(LINES), sha256=RIGHT_HASH)})
        self.target().unlink()
        self.expect(self.run_script("riddles"), 0, "verified (hylo-downloads.json)")
        self.target().unlink()
        self.server.repositories["someone/riddles"][BRANCH_FILE] = parquet(ROWS[1:])
        self.expect(self.run_script("riddles"), 1, RIGHT_HASH, "test.jsonl.rejected")
        self.assertFalse(self.target().exists())
        self.assertEqual(self.record()["riddles/test.jsonl"]["sha256"], RIGHT_HASH)

    def test_a_file_that_is_not_the_expected_one_is_kept_aside(self):
        self.write(manifest(known_hash="0" * 64))
        done = self.run_script("riddles")
        self.expect(done, 1, f"sha256 {RIGHT_HASH}, expected {'0' * 64} (the manifest)")
        self.assertFalse(self.target().exists())
        self.assertEqual(self.target().with_name("test.jsonl.rejected").read_bytes(), LINES)

    def test_what_is_there_is_never_overwritten(self):
        self.write(manifest(known_hash=RIGHT_HASH))
        self.expect(self.run_script("riddles"), 0)
        self.server.requests.clear()
        self.expect(self.run_script("riddles"), 0, "is there already, verified")
        self.assertEqual(self.server.requests, [])
        self.target().write_text("edited")
        self.expect(self.run_script("riddles"), 1, "move it away to download it again")
        self.assertEqual(self.target().read_text(), "edited")

    def test_a_connection_that_breaks_once_is_taken_up_where_it_broke(self):
        self.server.num_cuts = 1
        self.expect(self.run_script("riddles"), 0)
        self.assertEqual(self.target().read_bytes(), LINES)
        half = len(self.server.repositories["someone/riddles"][BRANCH_FILE]) // 2
        self.assertEqual([span for _, span in self.server.bodies()], [None, f"bytes={half}-"])

    def test_a_download_that_was_given_up_goes_on_in_the_next_run(self):
        self.server.num_cuts, self.server.is_down_after_cut = 1, True
        half = len(self.server.repositories["someone/riddles"][BRANCH_FILE]) // 2
        self.expect(self.run_script("riddles"), 2, f"cut off at {half:,} of", "run it again")
        self.assertFalse(self.target().exists())
        self.server.is_down = False
        self.server.requests.clear()
        self.expect(self.run_script("riddles"), 0)
        self.assertEqual([span for _, span in self.server.bodies()], [f"bytes={half}-"])
        self.assertEqual(self.target().read_bytes(), LINES)

    def test_a_fixed_revision_has_to_be_the_one_that_comes(self):
        fixed = {"repository": "someone/riddles", "config": "default", "revision": "6" * 40}
        self.write(manifest(hub=fixed))
        self.expect(self.run_script("riddles"), 1, f"commit {COMMIT}, expected {'6' * 40}")

    def test_several_parts_of_a_split_are_one_file(self):
        self.write(manifest(known_hash=RIGHT_HASH))
        self.server.repositories["someone/riddles"] = {
            "default/test/0001.parquet": parquet(ROWS[300:]),
            "default/test/0000.parquet": parquet(ROWS[:300]),
            "default/train/0000.parquet": parquet(ROWS[:7])}
        self.expect(self.run_script("riddles"), 0, "verified")

    def test_an_unknown_name_brings_the_nearest(self):
        self.expect(self.run_script("ridles"), 2, "'ridles': unknown; did you mean 'riddles'?")

    def test_a_data_set_that_the_hub_lacks_does_not_stop_the_others(self):
        self.write(manifest("absent"))
        self.expect(self.run_script("absent", "riddles"), 2, "someone/absent", "[2 of 2]")
        self.assertTrue(self.target().exists())

    def test_a_split_that_the_hub_lacks_is_named(self):
        self.server.repositories["someone/riddles"] = {"default/train/0000.parquet": b""}
        self.expect(self.run_script("riddles"), 2, "no Parquet file of config 'default', split 'test'")

    def test_what_is_not_on_the_hub_is_to_be_put_there_by_hand(self):
        self.write(manifest(hub=None))
        self.expect(self.run_script("riddles"), 2, "by hand, from https://example.org/riddles")

    def test_without_a_network_it_says_so(self):
        self.server.close()
        self.expect(self.run_script("riddles"), 2, self.server.endpoint, "is there a network")

    def test_a_package_that_is_missing_comes_with_the_line_that_installs_it(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "huggingface_hub.py").write_text("raise ImportError('no huggingface_hub')")
            done = self.run_script("riddles", environment={"PYTHONPATH": folder}.items())
        self.expect(done, 2, "no huggingface_hub", "-m pip install huggingface_hub pyarrow")

    def test_a_damaged_record_is_not_taken_for_an_empty_one(self):
        self.root.mkdir()
        (self.root / "hylo-downloads.json").write_text("{")
        self.expect(self.run_script("riddles"), 2, "not a record of downloads")

    def test_the_list_tells_what_is_here(self):
        self.assertIn("0 of   1 files", self.run_script("--list").stdout)
        self.expect(self.run_script("riddles"), 0)
        self.assertIn("1 of   1 files", self.run_script("--list").stdout)


    def test_the_list_tells_what_is_to_be_put_there_by_hand(self):
        self.write(manifest(hub=None))
        listed = self.run_script("--list").stdout
        self.assertIn("by hand: riddles/test.jsonl", listed)
        self.assertIn("from https://example.org/riddles", listed)

    def test_what_stands_in_for_a_file_is_not_fetched(self):
        whole = manifest()
        whole["files"].append({**whole["files"][0], "path": "riddles/test.txt", "stands_in": "no hats",
                               "hub_split": ""})
        self.write(whole)
        self.assertIn("by hand (not needed where the others are): riddles/test.txt",
                      self.run_script("--list").stdout)
        self.expect(self.run_script("riddles"), 0, "[1 of 1]")

    def test_hellaswag_comes_with_the_fields_of_the_hub(self):
        row = {"ind": 4, "activity_label": "Soup", "ctx_a": "A.", "ctx_b": "he", "ctx": "A. he",
               "endings": ["a", "b", "c", "d"], "source_id": "none~1", "split": "val",
               "split_type": "indomain", "label": "0"}
        self.write(json.loads((DATASETS / "manifests/hellaswag.json").read_text()))
        self.server.repositories["Rowan/hellaswag"] = {
            f"default/{split}/0000.parquet": parquet([row]) for split in ("train", "validation")}
        self.expect(self.run_script("hellaswag"), 0, "[2 of 2]")
        for split in ("train", "validation"):
            came = (self.root / f"hellaswag/{split}.jsonl").read_text()
            self.assertEqual(came, json.dumps(row) + "\n")


class ShippedManifests(unittest.TestCase):
    def test_whatever_names_its_split_on_the_hub_has_a_layout_and_the_rest_is_known(self):
        by_hand = set()
        for file in sorted((DATASETS / "manifests").glob("*.json")):
            described = json.loads(file.read_text())
            if described["place"] != "data_root":
                continue
            for part in described["files"]:
                layout = hub_layouts.layout_of(described["name"], part["format"])
                if not described.get("hub") or not part.get("hub_split"):
                    by_hand.add((described["name"], part["format"]))
                else:
                    self.assertIsNotNone(layout, part["path"])
        self.assertEqual(by_hand, {("hellaswag", "hellaswag_text"), ("long_books", "whole_text")})


class Layouts(unittest.TestCase):
    def test_arc_is_written_as_its_authors_did(self):
        row = {"id": "Q1", "question": "Why?", "choices": {"text": ["a"], "label": ["1"]},
               "answerKey": "1"}
        self.assertEqual(hub_layouts.arc([row]),
                         '{"id":"Q1","question":{"stem":"Why?","choices":[{"text":"a","label":"1"}]},'
                         '"answerKey":"1"}\n')

    def test_a_boolean_label_becomes_a_word(self):
        row = {"question": "q", "passage": "p", "idx": 3, "label": 1}
        self.assertEqual(hub_layouts.boolq([row]),
                         '{"question": "q", "passage": "p", "idx": 3, "label": "true"}\n')

    def test_hellaswags_plain_text_cannot_be_made_from_the_hub(self):
        self.assertIsNone(hub_layouts.layout_of("hellaswag", "hellaswag_text"))

    def test_a_table_without_a_layout_is_refused(self):
        self.assertIsNone(hub_layouts.layout_of("riddles", "csv"))


if __name__ == "__main__":
    unittest.main()
