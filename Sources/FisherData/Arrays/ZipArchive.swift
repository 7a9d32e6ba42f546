import FisherFiles
import FisherMedia

/// The members of a zip file (APPNOTE 6.3), stored or deflated, with the 64-bit sizes that NumPy writes.
struct ZipArchive {
    /// One member.
    struct Member {
        let name: String
        fileprivate let method: Int
        fileprivate let check: UInt32
        fileprivate let packed: Int
        let byteCount: Int
        fileprivate let header: Int
    }

    let members: [Member]
    private let source: ByteSource
    private let path: String

    /// The longest directory of members that is read.
    private static let longest = 1 << 26

    /// Reads the directory at the end of the file; throws ``DataError`` if it is damaged.
    init(_ source: ByteSource, path: String) throws {
        let damaged = DataError(path, "is a damaged or truncated zip file")
        let tail = try source.bytes(
            at: max(0, source.byteCount - 66_000), count: min(source.byteCount, 66_000))
        let mark: [UInt8] = [0x50, 0x4b, 5, 6]
        guard tail.count >= 22,
            let end = (0...tail.count - 22).last(where: { tail[$0...].starts(with: mark) })
        else { throw damaged }
        var (count, size, start) = (
            tail.number(at: end + 10, 2), tail.number(at: end + 12, 4), tail.number(at: end + 16, 4)
        )
        if start == 0xffff_ffff || count == 0xffff || size == 0xffff_ffff {
            // The 64-bit end of the directory, which the locator before the end points at.
            guard end >= 20, tail[(end - 20)...].starts(with: [0x50, 0x4b, 6, 7]) else { throw damaged }
            let place = tail.number(at: end - 20 + 8, 8)
            guard place >= 0, place <= source.byteCount - 56 else { throw damaged }
            let record = try source.bytes(at: place, count: 56)
            guard record.starts(with: [0x50, 0x4b, 6, 6]) else { throw damaged }
            (count, size, start) = (
                record.number(at: 32, 8), record.number(at: 40, 8), record.number(at: 48, 8)
            )
        }
        guard size >= 0, size <= Self.longest, start >= 0, start <= source.byteCount - size, count >= 0,
            count <= size / 46
        else { throw damaged }
        var members: [Member] = []
        let directory = try source.bytes(at: start, count: size)
        var place = 0
        for _ in 0..<count {
            guard place <= directory.count - 46, directory[place...].starts(with: [0x50, 0x4b, 1, 2]) else {
                throw damaged
            }
            let lengths = (0..<3).map { directory.number(at: place + 28 + 2 * $0, 2) }
            let end = place + 46 + lengths.reduce(0, +)
            guard end <= directory.count else { throw damaged }
            var sizes = [
                directory.number(at: place + 24, 4), directory.number(at: place + 20, 4),
                directory.number(at: place + 42, 4),
            ]
            let extra = Array(directory[(place + 46 + lengths[0])..<(place + 46 + lengths[0] + lengths[1])])
            guard Self.widen(&sizes, by: extra), sizes.allSatisfy({ $0 >= 0 }) else { throw damaged }
            members.append(
                Member(
                    name: String(
                        decoding: directory[(place + 46)..<(place + 46 + lengths[0])], as: UTF8.self),
                    method: directory.number(at: place + 10, 2),
                    check: UInt32(directory.number(at: place + 16, 4)), packed: sizes[1],
                    byteCount: sizes[0], header: sizes[2]))
            place = end
        }
        (self.members, self.source, self.path) = (members, source, path)
    }

    /// Takes sizes of 64 bits from a member's extra field, for those that do not fit into 32.
    private static func widen(_ sizes: inout [Int], by extra: [UInt8]) -> Bool {
        guard sizes.contains(0xffff_ffff) else { return true }
        var place = 0
        while place <= extra.count - 4 {
            let (kind, length) = (extra.number(at: place, 2), extra.number(at: place + 2, 2))
            guard place + 4 + length <= extra.count else { return false }
            if kind == 1 {
                var next = place + 4
                for index in sizes.indices where sizes[index] == 0xffff_ffff {
                    guard next + 8 <= place + 4 + length else { return false }
                    sizes[index] = extra.number(at: next, 8)
                    next += 8
                }
                return true
            }
            place += 4 + length
        }
        return false
    }

    /// A member's contents: where they are in the file if they are stored, in memory if they are deflated.
    func contents(of member: Member) throws -> (source: ByteSource, start: Int) {
        let name = "\(path):\(member.name)"
        let damaged = DataError(name, "is a damaged member of a zip file")
        guard member.header <= source.byteCount - 30 else { throw damaged }
        let local = try source.bytes(at: member.header, count: 30)
        guard local.starts(with: [0x50, 0x4b, 3, 4]) else { throw damaged }
        let start = member.header + 30 + local.number(at: 26, 2) + local.number(at: 28, 2)
        guard start <= source.byteCount - member.packed else { throw damaged }
        switch member.method {
        case 0:
            guard member.packed == member.byteCount else { throw damaged }
            return (source, start)
        case 8:
            guard member.byteCount <= ByteSource.longest else {
                throw DataError(
                    name, "is too long to be unpacked into memory: save the array with numpy.save")
            }
            let contents = try Deflate.unpackedMember(
                try source.bytes(at: start, count: member.packed), length: member.byteCount,
                check: member.check,
                path: name)
            guard let contents else { throw damaged }
            return (.memory(contents), 0)
        default: throw DataError(name, "is packed in a way (\(member.method)) that NumPy does not write")
        }
    }
}

extension [UInt8] {
    /// The whole number of some bytes, the lowest first; negative where it does not fit.
    fileprivate func number(at place: Int, _ count: Int) -> Int {
        let value = self[place..<place + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int(exactly: value) ?? -1
    }
}
