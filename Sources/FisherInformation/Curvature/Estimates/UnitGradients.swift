import NeuralNet
import Torch

/// The gradients of some units from every backward pass of a source, as the rows of a matrix J with J^T J = F, the
/// information of an observation from these units.
///
/// A row is the gradient of a unit in one pass: at one draw of labels, or for one factor of the closed form and one
/// position. Only what the layers captured is kept; rows are formed for one layer at a time, so that what is computed
/// from J J^T takes the memory of rows x rows, never of parameters x parameters.
public struct UnitGradients: Summable {
    /// The largest memory that rows in the making may take at a time, in bytes.
    static let chunkByteCount = 64 << 20

    /// The passes of one batch.
    fileprivate struct Part {
        let passes: [BackwardPass]
        let units: Int
        let observations: Double
    }

    /// Consecutive rows: some units in one pass of one batch.
    struct Run {
        fileprivate let pass: BackwardPass
        fileprivate let units: Range<Int>
        /// Where its rows begin.
        let start: Int
        /// The number of its rows.
        var count: Int { units.count }
    }

    /// A layer's trainable parameters.
    public struct Block {
        /// The layer's place in the model.
        public let path: ParameterPath
        /// The parameters in the order of the columns.
        let members: [NamedParameter]
        /// The layer, if it has Kronecker factors.
        let layer: (any KroneckerLayer)?
        /// Their paths.
        public var paths: [ParameterPath] { members.map(\.path) }
        /// The number of parameters.
        public var parameterCount: Int { members.reduce(0) { $0 + $1.parameter.wrappedValue.count } }
    }

    /// Where the labels are from.
    public let source: CurvatureSource
    private let estimator: CurvatureEstimator
    private let parts: [Part]

    fileprivate init(_ parts: [Part], from source: CurvatureSource, by estimator: CurvatureEstimator) {
        self.parts = parts
        self.source = source
        self.estimator = estimator
    }

    /// All units of some passes of one batch.
    init(_ passes: [BackwardPass], _ run: PassRun, by estimator: CurvatureEstimator) {
        self.init(
            [.init(passes: passes, units: run.units, observations: Double(run.observationCount))],
            from: run.source, by: estimator)
    }

    /// Appends further units. Throws `mismatched` for those of another source.
    public func adding(_ other: UnitGradients) throws(CurvatureError) -> UnitGradients {
        guard source == other.source else {
            throw .mismatched(reason: "one is \(source), the other \(other.source)")
        }
        return UnitGradients(parts + other.parts, from: source, by: estimator)
    }

    /// Throws `mismatched`: the units of other processes are not here.
    public func summed(by sum: ProcessSum) throws -> UnitGradients {
        throw CurvatureError.mismatched(reason: "the gradients of single units stay in their process")
    }

    /// The number of units.
    public var unitCount: Int { parts.reduce(0) { $0 + $1.units } }

    /// The number of rows: units times passes.
    public var rowCount: Int { parts.reduce(0) { $0 + $1.units * $1.passes.count } }

    /// The number of observations of these units, those of their batch in equal shares.
    public var observationCount: Double { parts.reduce(0) { $0 + $1.observations } }

    /// The parameters in the order of the columns.
    var parameters: [NamedParameter] { estimator.parameters }

    /// The number of columns.
    var parameterCount: Int { parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count } }

    /// The layers that have trainable parameters, in the order of the model.
    public var blocks: [Block] {
        var order: [ParameterPath] = []
        var members: [ParameterPath: [NamedParameter]] = [:]
        for named in estimator.parameters {
            if members[named.path.parent] == nil { order.append(named.path.parent) }
            members[named.path.parent, default: []].append(named)
        }
        let layers = Dictionary(uniqueKeysWithValues: estimator.kroneckerLayers.map { ($0.path, $0.layer) })
        return order.map { Block(path: $0, members: members[$0] ?? [], layer: layers[$0]) }
    }

    /// The unit to which each row belongs.
    var unitOfRow: [Int] {
        var first = 0
        return parts.flatMap { part -> [Int] in
            defer { first += part.units }
            return part.passes.flatMap { _ in Array(first..<first + part.units) }
        }
    }

    /// The pass of its batch from which each row is.
    var passOfRow: [Int] {
        parts.flatMap { part in part.passes.indices.flatMap { Array(repeating: $0, count: part.units) } }
    }

    /// All rows in runs whose memory for some parameters is bounded.
    func runs(parameterCount: Int) -> [Run] {
        let most = max(1, Self.chunkByteCount / max(8 * parameterCount, 1))
        var (found, start): ([Run], Int) = ([], 0)
        for part in parts {
            for pass in part.passes {
                for first in stride(from: 0, to: part.units, by: most) {
                    let units = first..<min(first + most, part.units)
                    found.append(Run(pass: pass, units: units, start: start))
                    start += units.count
                }
            }
        }
        return found
    }

    /// Rows of J for a layer's parameters, [rows, parameters], in float64.
    func rows(of block: Block, _ run: Run) throws -> Tensor {
        let rows = try estimator.unitGradients(run.pass, units: run.units, of: block.members)
        return rows.to(dtype: .float64) * (run.pass.weight / max(observationCount, 1)).squareRoot()
    }

    /// The rows as a and s of G = sum over positions of s a^T, a with a trailing 1 for a bias: [rows, positions, ...],
    /// in float64; nil for a layer without factors.
    func factors(of block: Block, _ run: Run) throws -> (inputs: Tensor, outputs: Tensor)? {
        guard let layer = block.layer, let uses = run.pass.uses[block.path], !uses.isEmpty else { return nil }
        let rows = uses.map { layer.kroneckerRows(of: $0.narrowed(run.units)) }
        var a = Tensor.concatenated(rows.map { $0.inputs.to(dtype: .float64) }, along: 1)
        let s = Tensor.concatenated(rows.map { $0.outputGradients.to(dtype: .float64) }, along: 1)
        try a.check()
        if rows[0].hasBias {
            a = .concatenated([a, .ones([a.shape[0], a.shape[1], 1], dtype: .float64)], along: 2)
        }
        return (a, s * (run.pass.weight / max(observationCount, 1)).squareRoot())
    }

    /// The same for a layer without positions that has the same inputs in every pass of the only batch: a [units, inputs],
    /// s [passes, units, outputs]; nil for others.
    func sharedFactors(of block: Block) throws -> (inputs: Tensor, outputs: Tensor)? {
        guard parts.count == 1, let part = parts.first, let layer = block.layer else { return nil }
        let uses = part.passes.compactMap { pass -> LayerActivation? in
            guard let uses = pass.uses[block.path], uses.count == 1, !uses[0].dependsOnLabels else {
                return nil
            }
            let width = layer.informativeParameters[0].wrappedValue.shape[0]
            return uses[0].outputGradient.count == part.units * width ? uses[0] : nil
        }
        guard uses.count == part.passes.count, let use = uses.first else { return nil }
        let first = layer.kroneckerRows(of: use)
        var a = first.inputs.flattened(to: 1).to(dtype: .float64)
        try a.check()
        guard a.shape[0] == part.units else { return nil }
        if first.hasBias {
            a = .concatenated([a, .ones([part.units, 1], dtype: .float64, device: a.device)], along: 1)
        }
        let s = zip(part.passes, uses).map { pass, use in
            layer.kroneckerRows(of: use).outputGradients.flattened(to: 1).to(dtype: .float64)
                * (pass.weight / max(observationCount, 1)).squareRoot()
        }
        return (a, .stacked(s))
    }

    /// The whole information matrix of these units.
    func fullInformation() throws -> FullInformation {
        var sum: FullInformation?
        for part in parts {
            let run = PassRun(
                source: source, units: part.units, observationCount: Int(part.observations.rounded()))
            var matrix = MatrixAccumulator(estimator, run, blocks: [parameters], isWhole: true)
            for pass in part.passes { try matrix.add(pass) }
            guard let found = try matrix.finished() as? FullInformation else { continue }
            sum = try sum?.adding(found) ?? found
        }
        guard let sum else { throw CurvatureError.noObservations }
        return sum
    }

    /// K-FAC's factors from these units, by layer; A (x) S is on the scale of the information of an observation.
    func kroneckerFactors() throws -> [ParameterPath: (inputs: Tensor, outputs: Tensor)] {
        var sums: [ParameterPath: KroneckerFactors] = [:]
        for part in parts {
            let run = PassRun(source: source, units: part.units, observationCount: 1)
            var factors = KroneckerAccumulator(estimator, run, .expand, isDiagonal: false)
            for pass in part.passes { try factors.add(pass) }
            for (path, found) in try factors.information().layers {
                sums[path] = try sums[path]?.adding(found) ?? found
            }
        }
        return sums.mapValues {
            ($0.a.to(dtype: .float64), $0.outputs.to(dtype: .float64) / max(observationCount, 1))
        }
    }
}

/// Keeps the passes for the first units of a batch.
struct UnitGradientsAccumulator: CurvatureAccumulator {
    private let estimator: CurvatureEstimator
    private let run: PassRun
    private let units: Int
    private var passes: [BackwardPass] = []
    /// The inputs of the uses, the same in every pass unless they depend on labels.
    private var inputs: [ParameterPath: [Tensor]] = [:]

    init(_ estimator: CurvatureEstimator, _ run: PassRun, units: Int) {
        self.estimator = estimator
        self.run = run
        self.units = min(units, run.units)
    }

    mutating func add(_ pass: BackwardPass) {
        if units == run.units {
            passes.append(pass)
            return
        }
        func first(_ x: Tensor) -> Tensor {
            x.failure == nil ? x.narrowed(0, from: 0, length: units).copy() : x
        }
        for (path, uses) in pass.uses
        where inputs[path]?.count != uses.count || uses.contains(where: \.dependsOnLabels) {
            inputs[path] = uses.map { first($0.input) }
        }
        passes.append(
            BackwardPass(
                uses: Dictionary(
                    uniqueKeysWithValues: pass.uses.map { path, uses in
                        (
                            path,
                            zip(inputs[path] ?? [], uses).map {
                                LayerActivation(
                                    input: $0, outputGradient: first($1.outputGradient),
                                    participants: $1.participants.map(first),
                                    dependsOnLabels: $1.dependsOnLabels)
                            }
                        )
                    }), rows: pass.rows.mapValues(first), weight: pass.weight))
    }

    func finished() -> any Summable {
        let share = Double(units) / Double(max(run.units, 1))
        return UnitGradients(
            [.init(passes: passes, units: units, observations: Double(run.observationCount) * share)],
            from: run.source, by: estimator)
    }
}
