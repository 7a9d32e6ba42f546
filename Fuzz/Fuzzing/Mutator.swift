import Torch

/// Changes inputs at random: bits, bytes, tokens, numbers, lines, pieces of other inputs, nesting.
///
/// Equal generators give equal inputs on every machine, so that an input is repeated by its number.
struct Mutator {
    /// The words and signs of a format, to be strewn in.
    let tokens: [[UInt8]]
    /// Sound inputs, to begin with and to take pieces from.
    let seeds: [[UInt8]]
    /// The largest input.
    static let byteLimit = 1 << 16

    /// A new input: a seed after one change or a few.
    func input(using generator: inout SplitMix64) -> [UInt8] {
        var bytes = seeds[generator.uniform(below: seeds.count)]
        // Most inputs stay nearly sound: those reach behind the first check.
        let changes = [1, 1, 1, 2, 2, 3, 4, 8][generator.uniform(below: 8)]
        for _ in 0..<changes { change(&bytes, using: &generator) }
        return Array(bytes.prefix(Self.byteLimit))
    }

    private func change(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        switch generator.uniform(below: 16) {
        case 0, 1: flipBit(&bytes, using: &generator)
        case 2, 3:
            replace(range(in: bytes, upTo: 4, using: &generator), by: token(using: &generator), in: &bytes)
        case 4: insert(token(using: &generator), into: &bytes, using: &generator)
        case 5: bytes.removeSubrange(range(in: bytes, upTo: 16, using: &generator))
        case 6: bytes.removeLast(generator.uniform(below: bytes.count + 1))
        case 7:
            insert(
                Array(bytes[range(in: bytes, upTo: 64, using: &generator)]), into: &bytes, using: &generator)
        case 8: splice(&bytes, using: &generator)
        case 9: nest(&bytes, using: &generator)
        case 10: changeLine(&bytes, using: &generator)
        case 11: repeatPiece(&bytes, using: &generator)
        default: changeNumber(&bytes, using: &generator)
        }
    }

    private func flipBit(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        if bytes.isEmpty { return }
        bytes[generator.uniform(below: bytes.count)] ^= 1 << UInt8(generator.uniform(below: 8))
    }

    private func token(using generator: inout SplitMix64) -> [UInt8] {
        let all = Self.commonTokens
        let position = generator.uniform(below: tokens.count + all.count)
        return position < tokens.count ? tokens[position] : all[position - tokens.count]
    }

    private func range(in bytes: [UInt8], upTo length: Int, using generator: inout SplitMix64) -> Range<Int> {
        let start = generator.uniform(below: bytes.count + 1)
        return start..<min(bytes.count, start + generator.uniform(below: length + 1))
    }

    private func replace(_ range: Range<Int>, by piece: [UInt8], in bytes: inout [UInt8]) {
        bytes.replaceSubrange(range, with: piece)
    }

    private func insert(_ piece: [UInt8], into bytes: inout [UInt8], using generator: inout SplitMix64) {
        bytes.insert(contentsOf: piece, at: generator.uniform(below: bytes.count + 1))
    }

    /// A piece of another seed in place of one of this.
    private func splice(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        let other = seeds[generator.uniform(below: seeds.count)]
        let piece = Array(other[range(in: other, upTo: 256, using: &generator)])
        replace(range(in: bytes, upTo: 256, using: &generator), by: piece, in: &bytes)
    }

    /// Brackets around a piece, up to some thousand.
    private func nest(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        let (opening, closing) = [
            ("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("sequence(", ",1,2)"), ("{a=", "}"),
        ][
            generator.uniform(below: 5)]
        let depth = [1, 2, 100, 126, 127, 128, 200, 513, 4000][generator.uniform(below: 9)]
        let place = range(in: bytes, upTo: 24, using: &generator)
        let opened = Array(String(repeating: opening, count: depth).utf8)
        let closed = Array(
            String(repeating: closing, count: generator.uniform(below: 4) == 0 ? 0 : depth).utf8)
        replace(place, by: opened + bytes[place] + closed, in: &bytes)
    }

    /// A line twice, not at all, or in another place.
    private func changeLine(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let (from, to) = (generator.uniform(below: lines.count), generator.uniform(below: lines.count))
        switch generator.uniform(below: 3) {
        case 0: lines.insert(lines[from], at: to)
        case 1: lines.remove(at: from)
        default: lines.swapAt(from, to)
        }
        bytes = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// A piece many times: long texts, long lists.
    private func repeatPiece(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        let place = range(in: bytes, upTo: 48, using: &generator)
        let times = [2, 3, 10, 100, 1000, 5000][generator.uniform(below: 6)]
        let count = min(times, Self.byteLimit / max(place.count, 1))
        replace(place, by: Array(repeatElement(bytes[place], count: count).joined()), in: &bytes)
    }

    /// A number at the edge of some range in place of one.
    private func changeNumber(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        func isPart(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "."), UInt8(ascii: "-")].contains(byte)
        }
        guard !bytes.isEmpty else { return }
        let start = generator.uniform(below: bytes.count)
        guard let first = bytes[start...].firstIndex(where: isPart) ?? bytes.firstIndex(where: isPart) else {
            return
        }
        let end = bytes[first...].firstIndex { !isPart($0) } ?? bytes.count
        replace(first..<end, by: Self.numbers[generator.uniform(below: Self.numbers.count)], in: &bytes)
    }

    private static let numbers: [[UInt8]] = [
        "0", "-0", "1", "-1", "2", "3", "7", "10", "64", "100", "127", "128", "255", "256", "1000", "65535",
        "65536",
        "1000000", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "9007199254740991",
        "9007199254740992", "9007199254740993", "4611686018427387904", "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "0.5",
        "1e-320",
        "1e-9", "1e9", "1e12", "1e15", "1e16", "1e18", "1e19", "1e99", "1e100", "1e154", "1e300", "1e308",
        "1.7976931348623157e308",
        "1e309", "-1e308", "\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "null", "00", "01", "1.", ".5", "1e",
        "0x10", "1_000", "nan", "inf",
    ].map { Array($0.utf8) }

    private static let commonTokens: [[UInt8]] =
        [
            "", " ", "\n", "\r", "\r\n", "\t", "\0", "\"", "'", "\\", ",", ":", "=", ".", "#", "-", "+", "_",
            "(", ")", "[", "]", "{",
            "}", "true", "false", "null", "é", "e\u{301}", "\u{2028}", "😀", "\u{202E}", "\u{FEFF}",
        ].map { Array($0.utf8) } + [
            [0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x7F], [0x1B],
        ]
}
