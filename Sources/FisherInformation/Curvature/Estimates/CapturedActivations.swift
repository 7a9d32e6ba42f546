import NeuralNet
import Torch

/// The layers' inputs and the gradients of their outputs, slice by slice, for estimates whose bases are known
/// only after other estimates.
///
/// Gradients at labels, the data's or drawn ones, are kept: the memory of the captured inputs and of the
/// output gradients of each draw. For a closed form, which has a backward pass for each output and position,
/// only the graph of the forward pass is kept, and `eigenvalues(in:)` recomputes the passes. Call it before
/// any weight is changed.
public struct CapturedActivations: Summable {
    private let runs: [PassRun]
    private let estimator: CurvatureEstimator
    /// The processes that have the other parts of the batch.
    private let processes: ProcessGroup?

    init(_ run: PassRun, by estimator: CurvatureEstimator) { self.init([run], by: estimator) }

    private init(
        _ runs: [PassRun], by estimator: CurvatureEstimator, with processes: ProcessGroup? = nil
    ) {
        self.runs = runs
        self.estimator = estimator
        self.processes = processes
    }

    /// Appends further data.
    public func adding(_ other: CapturedActivations) -> CapturedActivations {
        CapturedActivations(runs + other.runs, by: estimator, with: processes)
    }

    /// What is captured stays in its process; the eigenvalues of it are summed.
    public func summed(by sum: ProcessSum) -> CapturedActivations {
        CapturedActivations(runs, by: estimator, with: sum.group)
    }

    /// The layers' information in some bases: the sum over units of (Q_S^T G_n Q_A)^2 by layer, G_n the gradient of a
    /// unit summed over its positions and the layer's uses.
    ///
    /// Request all layers together: a closed form recomputes its backward passes. Throws `mismatched` for a
    /// basis of a layer that has no factors.
    public func eigenvalues(
        in bases: [ParameterPath: KroneckerEigenbasis]
    ) throws -> EigenvalueCorrectedInformation {
        let layers = estimator.kroneckerLayers.filter { bases[$0.path] != nil }
        for path in bases.keys.sorted() where !layers.contains(where: { $0.path == path }) {
            throw CurvatureError.mismatched(reason: "\(path) has no Kronecker factors here")
        }
        func own() throws -> EigenvalueCorrectedInformation {
            let parts = try runs.map { try eigenvalues(of: layers, in: bases, $0) }
            return try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
        }
        guard let processes else { return try own() }
        return try ProcessSum.of(own, over: processes, as: "the sum of eigenvalues") { try $0.summed(by: $1) }
    }

    private func eigenvalues(
        of layers: [(path: ParameterPath, layer: any KroneckerLayer)],
        in bases: [ParameterPath: KroneckerEigenbasis], _ run: PassRun
    ) throws -> EigenvalueCorrectedInformation {
        var sums: [ParameterPath: BasisSums] = [:]
        try run.forEach { pass in
            try withoutGradients {
                for (path, layer) in layers {
                    guard let basis = bases[path], let uses = pass.uses[path] else { continue }
                    let part = try self.sums(layer, uses, basis, units: run.units) * pass.weight
                    sums[path] = try sums[path].map { try $0.adding(part) } ?? part
                }
            }
        }
        var found: [ParameterPath: EigenvalueCorrectedFactors] = [:]
        for (path, sum) in sums {
            try sum.squares.check()
            guard let basis = bases[path] else { continue }
            var factors = EigenvalueCorrectedFactors(
                basis: basis, squares: sum.squares, observationCount: run.observationCount)
            factors.gradient = run.source == .empirical ? sum.gradient : nil
            found[path] = factors
        }
        let covered = Set(layers.flatMap { $0.layer.informativeParameters.map(ObjectIdentifier.init) })
        let uncovered = estimator.parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }
        return EigenvalueCorrectedInformation(
            source: run.source, sums: EigenvalueSums(layers: found, uncovered: uncovered.map(\.path)),
            observationCount: run.observationCount)
    }

    /// A unit's gradient is the sum over all uses, which are concatenated as positions.
    private func sums(
        _ layer: any KroneckerLayer, _ uses: [LayerActivation], _ basis: KroneckerEigenbasis, units: Int
    ) throws -> BasisSums {
        var total: BasisSums?
        let bytes = uses.map { layer.workingByteCount(of: $0) }.max() ?? 0
        for range in CurvatureEstimator.chunks(units, unitByteCount: bytes) {
            let rows = uses.map { use in
                layer.kroneckerRows(of: range.count == units ? use : use.narrowed(range)).rotated(by: basis)
            }
            let a = rows.count == 1 ? rows[0].inputs : .concatenated(rows.map(\.inputs), along: 1)
            let s =
                rows.count == 1
                ? rows[0].outputGradients : .concatenated(rows.map(\.outputGradients), along: 1)
            try a.check()
            try s.check()
            let quick = weightSums(s, a)?.sums
            let part = BasisSums(
                squares: quick?.squares ?? s.transposed(1, 2).matmul(a).squared().sum(along: 0),
                gradient: quick?.gradient)
            total = try total.map { try $0.adding(part) } ?? part
        }
        return total
            ?? BasisSums(squares: .zeros([basis.outputs.shape[0], basis.inputs.shape[0]]), gradient: nil)
    }
}

/// Sums over units in a basis: of the squared gradients, and of the gradients where they come with those.
private struct BasisSums {
    let squares: Tensor
    let gradient: Tensor?

    func adding(_ other: BasisSums) throws -> BasisSums {
        BasisSums(squares: squares + other.squares, gradient: try gradient.adding(other.gradient))
    }

    /// The squares of a pass with its weight; that of the pass at the data's labels is 1, and only its gradients are one.
    static func * (sums: BasisSums, weight: Double) -> BasisSums {
        weight == 1 ? sums : BasisSums(squares: sums.squares * weight, gradient: nil)
    }
}
