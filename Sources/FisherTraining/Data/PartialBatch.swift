import Fisher

/// Units of a batch that follow each other, read for a process that has a part of it. It is cut as the whole batch is.
public struct PartialBatch<Units: SliceableBatch>: SliceableBatch {
    /// The units that were read.
    public let units: Units
    /// The number in the batch of the first of them.
    public let first: Int
    /// The number of units of the whole batch.
    public let unitCount: Int

    /// Describes what was read of a batch.
    public init(_ units: Units, first: Int, of unitCount: Int) {
        (self.units, self.first, self.unitCount) = (units, first, unitCount)
    }

    /// A batch that was read as a whole.
    public init(whole units: Units) { self.init(units, first: 0, of: units.unitCount) }

    /// The units of a range of those that were read, by their numbers in the whole batch.
    public func slice(_ range: Range<Int>) -> PartialBatch {
        PartialBatch(whole: units.slice(range.lowerBound - first..<range.upperBound - first))
    }
}

extension ProcessGroup {
    /// The units of a batch that are the part of this process.
    package func part(of unitCount: Int) -> Range<Int> {
        unitCount * rank / size..<unitCount * (rank + 1) / size
    }
}
