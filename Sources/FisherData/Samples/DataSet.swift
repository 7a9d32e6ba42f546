import FisherTables
import Torch

/// Samples in the order of their file: inputs and targets.
public struct DataSet: Sendable {
    /// Where they come from, for readers.
    public let name: String
    /// The inputs.
    public let inputs: SampleInputs
    /// The targets; nil where none were asked for.
    public let targets: SampleTargets?
    /// How the columns of a table became the inputs; nil for other data.
    public let encoding: TableEncoding?
    /// The number of the group of each sample; nil where none is named.
    package var groups: [Int]?
    /// Whether each sample is held out; nil where the data do not say so.
    package var isHeldOut: [Bool]?
    /// The samples that the same file or folder holds out; nil if it holds none.
    package var heldOut: [DataSet] = []
    /// What was decided about the data, in sentences for readers.
    package var notes: [String] = []

    package init(
        _ name: String, inputs: SampleInputs, targets: SampleTargets?, encoding: TableEncoding? = nil
    ) {
        (self.name, self.inputs, self.targets, self.encoding) = (name, inputs, targets, encoding)
    }

    /// The number of samples.
    public var count: Int { inputs.count }

    /// A fingerprint of inputs and targets. Of an array beyond 64 MiB it covers the ends and 1,024 pieces of 4 KiB, of
    /// images that stay in their files the names and sizes.
    public func fingerprint() throws -> String {
        var fingerprint = Fingerprint()
        try inputs.add(to: &fingerprint)
        try targets?.add(to: &fingerprint)
        return fingerprint.text
    }

    /// Divides the samples at some indices: a share of each class is held out, or of whole groups where there are any.
    /// Equal seeds give equal sides; each keeps the order.
    ///
    /// - Parameters:
    ///   - indices: the samples to divide.
    ///   - share: the share that is held out, in (0, 1); classes of one sample stay on the side to train on.
    ///   - seed: the seed of the division.
    package func divided(
        _ indices: [Int], heldOut share: Double, seed: UInt64
    ) -> (training: [Int], heldOut: [Int]) {
        precondition(share > 0 && share < 1)
        func taken(_ count: Int) -> Int { min(count - 1, Int((share * Double(count)).rounded())) }
        let isOut: [Bool]
        if let groups {
            let own = indices.map { groups[$0] }
            let order = Set(own).sorted()
            let chosen = stratifiedChoice(of: order.map { _ in 0 }, classes: 1, seed: seed) { taken($1) }
            let out = Set(zip(order, chosen).filter(\.1).map(\.0))
            isOut = own.map(out.contains)
        } else {
            let labels = indices.map { targets?.labels?[$0] ?? 0 }
            isOut = stratifiedChoice(of: labels, classes: (labels.max() ?? 0) + 1, seed: seed) { taken($1) }
        }
        let marked = zip(indices, isOut)
        return (marked.filter { !$0.1 }.map(\.0), marked.filter(\.1).map(\.0))
    }
}
