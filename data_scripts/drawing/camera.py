"""How a head is turned and framed, and where its points and keypoints land in the picture."""

from dataclasses import dataclass

import numpy as np

from data_scripts.drawing.head import Head
from data_scripts.drawing.shape import frontal_keypoints


@dataclass(frozen=True)
class Pose:
    """How the head is turned (radians) and how the camera frames it."""

    yaw: float
    pitch: float
    roll: float
    distance: float  # from the camera to the head's center, head units
    scale: float
    stretch: float  # width over height of the picture, 1 for a faithful one
    shift_x: float  # pixels
    shift_y: float  # pixels


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw pose and framing of one face; `rng` is advanced."""
    gauss = np.clip(rng.standard_normal(8), -2.6, 2.6)
    return Pose(
        yaw=float(np.radians(rng.uniform(4, 16.5) * gauss[0])),
        pitch=float(np.radians(1.0 + 9.0 * gauss[1])),
        roll=float(np.radians(7.0 * gauss[2])),
        distance=float(rng.uniform(260, 900)),
        scale=float(1.0 + 0.05 * gauss[4]),
        stretch=float(1.0 + 0.04 * gauss[5]),
        shift_x=float(1.9 * gauss[6]),
        shift_y=float(1.8 * gauss[7]),
    )


def rotation(pose: Pose) -> np.ndarray:
    """(3, 3) float64: head frame -> camera frame (x right, y down, z toward the camera)."""
    cy, sy = np.cos(pose.yaw), np.sin(pose.yaw)
    cp, sp = np.cos(pose.pitch), np.sin(pose.pitch)
    cr, sr = np.cos(pose.roll), np.sin(pose.roll)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ pitch @ yaw


@dataclass(frozen=True)
class Camera:
    """Rotation, perspective and framing: points of the head frame -> pixels of the 96x96 picture."""

    turn: np.ndarray  # (3, 3)
    distance: float
    zoom: np.ndarray  # (2,) pixels per unit
    offset: np.ndarray  # (2,) pixels

    def turn_planes(self, planes: np.ndarray) -> np.ndarray:
        """x, y and z in the head frame -> in the camera frame; (3, H, W) float32, the same again."""
        return (self.turn.astype(np.float32) @ planes.reshape(3, -1)).reshape(planes.shape)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) head points -> (..., 2) pixels."""
        turned = points @ self.turn.T
        return turned[..., :2] * (self.distance / (self.distance - turned[..., 2:])) * self.zoom + self.offset


def frame_head(head: Head, pose: Pose) -> tuple[Camera, np.ndarray]:
    """Point the camera as a face detector crops: -> camera and (15, 2) float64 keypoints in pixels."""
    lifted = head.lift(frontal_keypoints(head.shape))
    # Features lie about 40 units before the axis; dividing by what perspective adds there keeps the face's size.
    size = pose.scale * (pose.distance - 40) / pose.distance
    zoom = np.array([size * pose.stretch, size / pose.stretch])
    camera = Camera(rotation(pose), pose.distance, zoom, np.zeros(2))
    flat = camera.project(lifted)
    anchor = 0.6 * flat[:2].mean(axis=0) + 0.3 * flat[11:15].mean(axis=0) + 0.1 * flat[[7, 9]].mean(axis=0)
    offset = np.array([48.4 + pose.shift_x, 47.7 + pose.shift_y]) - anchor
    return Camera(camera.turn, pose.distance, zoom, offset), flat + offset
