"""Pictures of pages as small palette PNGs: at most 256 colours, chosen and counted in the browser, written here."""
from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Browser

_INDEX = """async (data) => {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), paper = canvas.getContext("2d");
  paper.drawImage(image, 0, 0);
  const pixels = paper.getImageData(0, 0, image.width, image.height).data, counts = new Map(), buckets = new Map();
  for (let i = 0; i < pixels.length; i += 4) {
    const colour = (pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2];
    counts.set(colour, (counts.get(colour) || 0) + 1);
  }
  for (const [colour, n] of counts) {  // like colours share a place; its most frequent one stands for it
    const key = (colour >> 3) & 0x1f1f1f, held = buckets.get(key);
    buckets.set(key, held ? { n: held.n + n, best: held.most < n ? colour : held.best, most: Math.max(held.most, n) } : { n, best: colour, most: n });
  }
  const palette = [...buckets.values()].sort((a, b) => b.n - a.n || a.best - b.best).slice(0, 256).map((held) => held.best), nearest = new Map();
  for (const colour of counts.keys()) {
    let best = 0, least = Infinity;
    palette.forEach((other, i) => {
      const d = ((colour >> 16) - (other >> 16)) ** 2 + (((colour >> 8) & 255) - ((other >> 8) & 255)) ** 2 + ((colour & 255) - (other & 255)) ** 2;
      if (d < least) { least = d; best = i; }
    });
    nearest.set(colour, best);
  }
  let text = "";
  for (let i = 0; i < pixels.length; i += 4) text += String.fromCharCode(nearest.get((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]));
  return { width: image.width, height: image.height, palette, indices: btoa(text) };
}"""


def small(browser: Browser, png: bytes) -> bytes:
    """The same picture with a palette."""
    page = browser.new_page()
    try:
        found = page.evaluate(_INDEX, base64.b64encode(png).decode())
    finally:
        page.close()
    width, height, indices = found["width"], found["height"], base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + indices[at:at + width] for at in range(0, width * height, width))
    palette = b"".join(colour.to_bytes(3, "big") for colour in found["palette"])
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
