"""Small made-up data in exactly the layout of public sets: noise, or the rendered demo clip."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from agent.evaluation.datasets import bp4d, disfa
from tests.fakes import write_picture, write_video


def write_disfa(
    folder: Path, people: tuple[str, ...] = ("SN001", "SN002"), frames: int = 6
) -> Path:
    """Write DISFA: intensity of AU k in frame f is (f + k) modulo 6; the video is longer."""
    (folder / "Videos_LeftCamera").mkdir(parents=True)
    for name in people:
        labels = folder / "ActionUnit_Labels" / name
        labels.mkdir(parents=True)
        for column, number in enumerate(disfa.AUS):
            lines = [f"{frame},{(frame + column) % 6}" for frame in range(1, frames + 1)]
            (labels / f"{name}_au{number}.txt").write_text("\n".join(lines) + "\n")
        write_video(folder / "Videos_LeftCamera" / f"LeftVideo{name}_comp.avi", frames + 3)
    return folder


def write_disfaplus(folder: Path) -> Path:
    """Write DISFA+: one trial of three frames, AU12 at 0, 3, 5; no file about AU26."""
    trial, images = folder / "Labels" / "SN001" / "A1", folder / "Images" / "SN001" / "A1"
    trial.mkdir(parents=True)
    images.mkdir(parents=True)
    for number in disfa.AUS[:-1]:
        codes = (0, 3, 5) if number == 12 else (0, 0, 1)
        lines = [f"{frame:03d}.jpg {code}" for frame, code in enumerate(codes)]
        (trial / f"AU{number}.txt").write_text("# a comment\n" + "\n".join(lines) + "\n")
    for frame in range(3):
        write_picture(images / f"{frame:03d}.jpg", 60 + 40 * frame)
    return folder


def write_bp4d(folder: Path) -> Path:
    """Write BP4D: two tasks of two people; frame 11 of F001 has a 9, frame 12 no picture."""
    coding = folder / "AUCoding" / "AU_OCC"
    coding.mkdir(parents=True)
    numbers = [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 23, 24, 27]
    for name in ("F001_T1", "M007_T2"):
        rows = [[0, *numbers]]
        for frame in (10, 11, 12):
            codes = [int((frame + n) % 2 == 0) for n in numbers]
            if frame == 11 and name == "F001_T1":
                codes[numbers.index(12)] = 9
            rows.append([frame, *codes])
        (coding / f"{name}.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
        subject, task = name.split("_")
        (folder / subject / task).mkdir(parents=True)
        for frame in (10, 11):
            # Some releases number pictures with leading zeros.
            text = f"{frame:04d}" if subject == "M007" else str(frame)
            write_picture(folder / subject / task / f"{text}.jpg")
    return folder


def write_bp4d_intensity(folder: Path) -> Path:
    """Add the intensity tables of two of the five AUs for F001's task 1."""
    for number in bp4d.INTENSITY_AUS[:2]:
        path = folder / "AUCoding" / "AU_INT" / f"AU{number:02d}" / f"F001_T1_AU{number:02d}.csv"
        path.parent.mkdir(parents=True)
        path.write_text("10,2\n11,9\n")
    return folder


def write_affectnet_reduced(folder: Path) -> Path:
    """Write AffectNet's reduced release: happy, angry, and one that is no face."""
    part = folder / "val_set"
    (part / "images").mkdir(parents=True)
    (part / "annotations").mkdir()
    for number, (code, val, aro) in enumerate([(1, 0.8, 0.1), (6, -0.5, 0.7), (10, -2, -2)]):
        write_picture(part / "images" / f"{number}.jpg")
        for key, value in (("exp", code), ("val", val), ("aro", aro)):
            # Some releases hold the number as text.
            np.save(part / "annotations" / f"{number}_{key}.npy", np.array(str(value)))
        np.save(part / "annotations" / f"{number}_lnd.npy", np.zeros(136))
    return folder


AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal"
)


def write_affectnet_full(folder: Path, name: str = "1/a.jpg") -> Path:
    """Write AffectNet's full release: a sad face, and one that is uncertain."""
    (folder / "Manually_Annotated_Images" / "1").mkdir(parents=True)
    write_picture(folder / "Manually_Annotated_Images" / "1" / "a.jpg")
    rows = [f"{name},10,4,30,40,1;2,2,-0.4,-2", "1/b.jpg,0,0,1,1,,9,-2,-2"]
    (folder / "validation.csv").write_text("\n".join([AFFECTNET_HEADER, *rows]) + "\n")
    return folder


def write_rafdb(folder: Path) -> Path:
    """Write RAF-DB: a happy and a neutral test picture, a training picture."""
    (folder / "EmoLabel").mkdir(parents=True)
    (folder / "Image" / "aligned").mkdir(parents=True)
    lines = ["test_0001.jpg 4", "test_0002.jpg 7", "train_00001.jpg 5"]
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    for line in lines:
        stem = line.split(".")[0]
        write_picture(folder / "Image" / "aligned" / f"{stem}_aligned.jpg", size=(100, 100))
    return folder


def write_ferplus_tables(folder: Path) -> Path:
    """Write FER+'s two tables: a training row, a happy validation row, one without a name."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = " ".join(["7"] * 48 * 48)
    usages = ("Training", "PublicTest", "PublicTest")
    (folder / "fer2013.csv").write_text(
        "emotion,pixels,Usage\n" + "".join(f"3,{pixels},{usage}\n" for usage in usages)
    )
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
    votes = ("4,6,0,0,0,0,0,0,0,0", "1,8,0,0,1,0,0,0,0,0", "10,0,0,0,0,0,0,0,0,0")
    names = ("fer0000000.png", "fer0000001.png", "")
    rows = zip(usages, names, votes, strict=True)
    (folder / "fer2013new.csv").write_text(
        f"{header}unknown,NF\n" + "".join(f"{u},{n},{v}\n" for u, n, v in rows)
    )
    return folder


DEMO = Path(__file__).resolve().parents[3] / "agent" / "demo"


def cut_demo(folder: Path, frames: int = 220) -> Path:
    """Write the first seconds of the demo clip and their truth."""
    folder.mkdir(parents=True)
    source = cv2.VideoCapture(str(DEMO / "clip.mp4"))
    fps, size = source.get(cv2.CAP_PROP_FPS), (640, 480)
    writer = cv2.VideoWriter(str(folder / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
    for _ in range(frames):
        there, picture = source.read()
        assert there
        writer.write(picture)
    writer.release()
    source.release()
    with (DEMO / "clip.truth.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    kept = [rows[0], *(row for row in rows[1:] if int(row[0]) < frames)]
    with (folder / "a.truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows(kept)
    return folder


def write_rendered_disfa(folder: Path, people: tuple[str, ...], frames: int = 90) -> Path:
    """Write DISFA from the demo clip: every person is the first face, codes are the truth."""
    clip = cut_demo(folder / "cut", frames)
    (folder / "Videos_LeftCamera").mkdir()
    with (clip / "a.truth.csv").open(newline="") as file:
        rows = {int(r["frame"]) + 1: r for r in csv.DictReader(file) if r["face"] == "0"}
    for name in people:
        labels = folder / "ActionUnit_Labels" / name
        labels.mkdir(parents=True)
        for number in disfa.AUS:
            lines = []
            for frame, row in rows.items():
                sides = [float(v) for k, v in row.items() if k.startswith(f"AU{number:02d}")]
                lines.append(f"{frame},{round(max(sides))}")
            (labels / f"{name}_au{number}.txt").write_text("\n".join(lines) + "\n")
        video = folder / "Videos_LeftCamera" / f"LeftVideo{name}_comp.avi"
        video.write_bytes((clip / "a.avi").read_bytes())
    return folder


def write_pictures(folder: Path) -> Path:
    """Write one's own pictures: two happy people, one neutral, a folder that is no class."""
    for name in ("happiness/anna", "happiness/ben", "neutral/anna", "kitchen"):
        (folder / name).mkdir(parents=True)
        write_picture(folder / name / "1.jpg")
    return folder


def write_codes(folder: Path, header: str = "image_path,subject,au4,AU12,au99") -> Path:
    """Write one's own codes: three pictures of two people, one not coded for AU12."""
    (folder / "faces").mkdir(parents=True)
    rows = ["faces/a.png,anna,0,3,1", "faces/b.png,anna,1,,1", "faces/c.png,ben,0,5,1"]
    for name in "abc":
        write_picture(folder / "faces" / f"{name}.png")
    (folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder
