// The camera of this machine: its picture, and single photos of it.
import { el } from "/dom.js";
import { t } from "/texts.js";

const SIDE_PX = 640;

export async function camera(signal) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "environment" } });
  } catch {
    throw new Error(t("camera.none"));
  }
  const video = el("video", { autoplay: true, muted: true, playsInline: true, "aria-label": t("camera.picture") });
  video.srcObject = stream;
  const close = () => stream.getTracks().forEach((track) => track.stop());
  signal.addEventListener("abort", close, { once: true });
  await video.play().catch(() => {});
  const canvas = document.createElement("canvas");
  const take = (side = SIDE_PX) => new Promise((resolve) => {
    if (!video.videoWidth) return resolve(null);
    const scale = Math.min(1, side / Math.min(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(resolve, "image/jpeg", 0.92);
  });
  return { video, take, close };
}
