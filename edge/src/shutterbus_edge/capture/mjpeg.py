"""Making a webcam's MJPEG frame a JPEG that any program reads, without touching its picture."""

from shutterbus_wire import jpeg

_DHT = 0xC4

# The Huffman tables that nearly every JPEG uses (ITU-T T.81, K.3.3). Many webcams leave them out to save 420 bytes.
HUFFMAN_TABLES = bytes.fromhex(
    "ffc401a2"
    "0000010501010101010100000000000000000102030405060708090a0b"
    "100002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
    "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
    "e9eaf1f2f3f4f5f6f7f8f9fa"
    "0100030101010101010101010000000000000102030405060708090a0b"
    "1100020102040403040705040400010277"
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728"
    "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92"
    "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7"
    "e8e9eaf2f3f4f5f6f7f8f9fa"
)


def whole_jpeg(data: bytes) -> bytes:
    """Return the JPEG in *data*: without what the buffer held behind it, and with Huffman tables where it has none.

    Raises:
        MalformedError: It is no JPEG, or its end never arrived (a webcam's bus loses data when it is overcommitted).
    """
    markers = list(jpeg.segments(data))
    scan = markers[-1]
    end = jpeg.end_of_picture(data, scan.end)
    if any(segment.marker == _DHT for segment in markers):
        return data[:end]
    return data[: scan.start] + HUFFMAN_TABLES + data[scan.start : end]
