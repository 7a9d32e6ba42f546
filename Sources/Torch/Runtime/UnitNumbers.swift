import CKernels

/// Uniform numbers of which every unit of a batch, such as a sample, has its own: they depend on a key, on the unit's
/// number and on how many the unit has had, and not on what else is in the batch.
final class UnitNumbers {
    private let key: UInt64
    private let first: Int
    private let count: Int
    /// The number of draws so far: a likelihood may draw several times.
    private var draws: UInt64 = 0
    /// The unit of each row of what is drawn; nil where rows are ordered by unit, equally many of each.
    private(set) var owners: [Int]?

    /// The numbers of some units of a batch, from the number of the first on.
    init(key: UInt64, first: Int, count: Int) { (self.key, self.first, self.count) = (key, first, count) }

    /// The number of units.
    var unitCount: Int { count }

    /// Runs `body`, which draws rows of these units, 0 being the first.
    func owned<Result>(by owners: [Int], _ body: () throws -> Result) rethrows -> Result {
        let former = self.owners
        self.owners = owners
        defer { self.owners = former }
        return try body()
    }

    /// Uniform numbers within (0, 1) for rows of some numbers.
    func uniforms(rows: Int, width: Int) -> [Double] {
        let draw = draws
        draws += 1
        let total = rows * width
        return [Double](unsafeUninitializedCapacity: total) { buffer, filled in
            func fill(_ unit: Int, from start: Int, _ place: Int, _ number: Int) {
                let stream = ck_stream(key, draw, UInt64(bitPattern: Int64(first + unit)))
                ck_uniforms(stream, UInt64(start), Int64(number), buffer.baseAddress! + place)
            }
            if let owners, owners.count == rows {
                var used = [Int](repeating: 0, count: (owners.max() ?? 0) + 1)
                for (row, unit) in owners.enumerated() where width > 0 {
                    fill(unit, from: used[unit], row * width, width)
                    used[unit] += width
                }
            } else if count > 0, total % count == 0 {
                let own = total / count
                for unit in 0..<count where own > 0 { fill(unit, from: 0, unit * own, own) }
            } else if total > 0 {
                // Numbers that belong to no unit are those of the first.
                fill(0, from: 0, 0, total)
            }
            filled = total
        }
    }
}
