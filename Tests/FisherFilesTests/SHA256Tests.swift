import FisherFiles
import Testing

/// The hash against the published vectors of FIPS 180-4 (and of NIST's examples), and in pieces of any size.
@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func publishedVectors(_ text: String, _ digest: String) { #expect(SHA256.of(text.utf8) == digest) }

    @Test func aMillionLetters() {
        #expect(
            SHA256.of([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test(arguments: [1, 3, 55, 56, 63, 64, 65, 127])
    func piecesAreTheWhole(_ size: Int) {
        for length in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 300] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            var hash = SHA256()
            for start in stride(from: 0, to: length, by: size) {
                Array(bytes[start..<min(start + size, length)]).withUnsafeBytes { hash.add($0) }
            }
            #expect(hash.hexadecimal == SHA256.of(bytes), "\(length) bytes by \(size)")
        }
    }
}
