"""The kept journals as text: compressed, in lines of base 64."""
import base64
import glob
import hashlib
import os
import zlib


def pack(journal):
    return base64.encodebytes(zlib.compress(journal, 9)).decode()


def unpack(path):
    with open(path, "rb") as f:
        return zlib.decompress(base64.b64decode(f.read()))


def names(folder):
    return sorted(glob.glob(os.path.join(folder, "*.b64")))


def digest(folder):
    """Of all of them, as changes.txt has it."""
    all_of_them = hashlib.sha256()
    for path in names(folder):
        all_of_them.update(os.path.basename(path).encode() + b"\0" + unpack(path))
    return all_of_them.hexdigest()[:16]
