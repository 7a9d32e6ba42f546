import Torch

/// Vectors replaced by the nearest of a codebook's (van den Oord et al. 2017, "Neural Discrete Representation
/// Learning"), with the gradient passed straight through: the decoder's gradient at a code reaches the encoder as if the
/// vector had not been replaced.
///
/// The codebook learns in one of two ways:
///
/// - **By gradient**: it is a trained parameter, whose only gradient is that of ``Quantized/codebookLoss``, a term for the
///   auxiliaries of an objective. The likelihood has no gradient in it.
/// - **By moving average** (Razavi et al. 2019): each code is the average of the vectors that chose it,
///   e_k = m_k / n_k with n_k <- decay n_k + (1 - decay) count and m_k <- decay m_k + (1 - decay) sum. The codebook and both
///   averages are frozen parameters, saved and loaded with the weights.
///
/// **When it moves.** A forward pass changes nothing. Between ``beginStep(units:)`` and ``endStep(sharedBy:)`` a layer in training
/// notes what it quantizes until it has seen as many units as the step's batch has; `endStep()` then moves the averages once
/// and restarts dead codes. Micro-batches add up to the same step as the whole batch, and evaluations that follow (a line
/// search, another estimate) are not counted a second time.
///
/// **Dead codes.** A code that no vector chose in ``restartAfter`` steps one after another is replaced by a vector of the
/// present batch. Which one is drawn from the number of steps, which is saved with the weights: a run that is resumed
/// restarts the same codes with the same vectors. Before the first step every code counts as dead, so that the codes begin
/// among the data.
public final class VectorQuantizer: Module, ModeDependent {
    /// How a codebook learns.
    public enum Learning: String, CaseIterable, Codable, Sendable {
        /// By the gradient of its own loss.
        case gradient
        /// As the moving average of the vectors that chose each code.
        case average
    }

    /// The codes, shape [codes, width].
    @Parameter public var codebook: Tensor
    /// The moving averages n of the number of vectors that chose each code in a step, shape [codes]; a frozen parameter.
    /// Nil for a codebook that learns by gradient.
    public let counts: Parameter?
    /// The moving averages m of the sums of those vectors, shape [codes, width]; a frozen parameter. Nil likewise.
    public let sums: Parameter?
    /// The steps since each code was chosen, shape [codes]; a frozen parameter.
    public let idle: Parameter
    /// The number of steps that the codebook has seen, in float64; a frozen parameter, from which restarts are drawn.
    public let steps: Parameter
    /// How the codebook learns.
    public let learning: Learning
    /// The decay of the moving averages.
    public let decay: Double
    /// The steps without a choice after which a code is restarted; 0 for never.
    public let restartAfter: Int
    public var isTraining = true
    private var step: Step?

    /// What was quantized in the step at hand.
    private struct Step {
        var missing: Int
        var vectors: [Tensor] = []
        var codes: [Tensor] = []
    }

    /// The number added to every count, so that no code is divided by zero.
    private static let smoothing = 1e-5

    /// Draws a codebook of `codes` vectors from N(0, 1 / width).
    ///
    /// - Parameters:
    ///   - codes: the number of codes.
    ///   - width: the length of a vector.
    ///   - learning: how the codebook learns.
    ///   - decay: the decay of the moving averages, in [0, 1).
    ///   - restartAfter: the steps without a choice after which a code is restarted; 0 for never.
    ///   - dtype: the type of the codes.
    ///   - generator: draws the codes.
    public init(
        codes: Int, width: Int, learning: Learning = .average, decay: Double = 0.99, restartAfter: Int = 20,
        dtype: DType = .float32, using generator: RandomGenerator
    ) {
        var complaint: String?
        if codes < 1 || width < 1 {
            complaint = "a codebook of \(codes) codes of width \(width) holds nothing"
        }
        if !(0..<1).contains(decay) || restartAfter < 0 {
            complaint =
                "a codebook's decay lies in [0, 1) and it restarts after 0 steps or more, not \(decay) and \(restartAfter)"
        }
        let drawn =
            complaint.map { Tensor(failed: TorchError(message: $0)) }
            ?? .normal(
                [codes, width], standardDeviation: 1 / Double(width).squareRoot(), dtype: dtype,
                using: generator)
        _codebook = Parameter(wrappedValue: drawn, isTrainable: learning == .gradient)
        func frozen(_ value: Tensor) -> Parameter { Parameter(wrappedValue: value, isTrainable: false) }
        counts = learning == .average ? frozen(.ones([codes], dtype: dtype)) : nil
        sums = learning == .average ? frozen(drawn.detached().copy()) : nil
        idle = frozen(.full([codes], Double(restartAfter), dtype: dtype))
        steps = frozen(.zeros([1], dtype: .float64))
        self.learning = learning
        self.decay = decay
        self.restartAfter = restartAfter
    }

    /// Vectors with their codes.
    public struct Quantized {
        /// The chosen codes' vectors, in the shape of the input; their gradient goes to the input.
        public let output: Tensor
        /// The numbers of the chosen codes, int64, in the input's shape without the last axis.
        public let codes: Tensor
        /// The mean square of input less code over all elements, whose gradient goes to the input alone: it commits an
        /// encoder to its choices. 0-dimensional.
        public let commitment: Tensor
        /// The same number, whose gradient goes to the codebook alone; nil for a codebook that learns by moving average.
        public let codebookLoss: Tensor?
    }

    /// The nearest codes of vectors [..., width], by Euclidean distance; inside `withAutocast` in float32, because the
    /// nearest of many codes takes more than 8 significant bits to tell.
    public func callAsFunction(_ vectors: Tensor) -> Quantized {
        let vectors = vectors.widenedInAutocast
        let numbers = self.numbers(of: vectors.detached())
        let chosen = codebook.rows(numbers)
        let fixed = chosen.detached()
        if isTraining, var step, vectors.failure == nil, vectors.rank > 1, vectors.shape[0] <= step.missing {
            step.missing -= vectors.shape[0]
            step.vectors.append(vectors.detached().flattened(to: -2))
            step.codes.append(numbers.flattened())
            self.step = step
        }
        return Quantized(
            // The difference is exactly zero: what the decoder sees are the codes, to the bit.
            output: fixed + (vectors - vectors.detached()), codes: numbers,
            commitment: (vectors - fixed).squared().mean(),
            codebookLoss: learning == .gradient ? (chosen - vectors.detached()).squared().mean() : nil)
    }

    /// The numbers of the nearest codes: argmax of z . e - |e|^2 / 2.
    private func numbers(of vectors: Tensor) -> Tensor {
        let book = codebook.detached()
        let products = withAutocast(to: .float32) { vectors.matmul(book.transposed()) }
        let scores = products - book.squared().sum(along: 1) / 2
        return scores.indexOfMaximum(along: -1)
    }

    /// The vectors of codes that are given by their numbers, int64 [...]: [..., width].
    public func vectors(of numbers: Tensor) -> Tensor { codebook.detached().rows(numbers) }
}

extension VectorQuantizer {
    /// Begins a step whose batch has a number of units: what is quantized from here on, up to that many units, moves the
    /// codebook in ``endStep(sharedBy:)``.
    public func beginStep(units: Int) { step = Step(missing: units) }

    /// Ends a step: moves the moving averages by what the step's batch chose, and restarts dead codes.
    ///
    /// Nothing moves if no vector was quantized, or one that is not finite.
    ///
    /// - Parameter processes: Processes that have each quantized their part of the batch, in the order of the ranks: all move
    ///   the codebook by the sums over the whole batch, and restart codes with the same vectors of it. Each calls this.
    /// - Throws: `TorchError` if a vector could not be computed, and what the exchange throws.
    public func endStep(sharedBy processes: ProcessGroup? = nil) throws {
        guard let ended = step else { return }
        step = nil
        try withoutGradients {
            let vectors = ended.vectors.isEmpty ? nil : Tensor.concatenated(ended.vectors)
            func own() throws -> Choices {
                try ownChoices(of: vectors, ended.codes, rank: processes?.rank ?? 0, of: processes?.size ?? 1)
            }
            let all = try processes.map {
                try ProcessSum.of(own, over: $0, as: "the sum of a codebook's choices") {
                    try $0.summed(by: $1)
                }
            }
            let choices = try all ?? own()
            guard choices.vectors.reduce(0, +) > 0, choices.spoiled == 0 else { return }
            if let counts, let sums, let total = choices.sums {
                try counts.assign(choices.counts.interpolated(to: counts.wrappedValue, weight: decay))
                try sums.assign(total.interpolated(to: sums.wrappedValue, weight: decay))
                try $codebook.assign(sums.wrappedValue / smoothed(counts.wrappedValue).unsqueezed(1))
            }
            let waited = (idle.wrappedValue + 1).masked(choices.counts.equals(0).equals(0), with: 0)
            try idle.assign(waited)
            if restartAfter > 0 { try restart(among: vectors, choices.vectors, processes) }
            try steps.assign(steps.wrappedValue + 1)
        }
    }

    /// What the vectors of a step chose, as sums.
    private struct Choices {
        /// The number of vectors of each process.
        var vectors: [Int]
        /// How many processes have a vector that is not finite.
        var spoiled: Int
        /// How many vectors chose each code, [codes].
        var counts: Tensor
        /// The sums of those vectors, [codes, width]; nil for a codebook that learns by gradient.
        var sums: Tensor?

        func summed(by sum: ProcessSum) throws -> Choices {
            Choices(
                vectors: vectors.map { sum($0) }, spoiled: sum(spoiled), counts: try sum(counts),
                sums: try sums.map { try sum($0) })
        }
    }

    /// What the vectors of this process chose.
    private func ownChoices(of vectors: Tensor?, _ codes: [Tensor], rank: Int, of size: Int) throws -> Choices
    {
        let book = codebook.detached()
        var found = Choices(
            vectors: Array(repeating: 0, count: size), spoiled: 0,
            counts: .zeros(like: idle.wrappedValue), sums: counts == nil ? nil : .zeros(like: book))
        guard let vectors else { return found }
        found.vectors[rank] = vectors.shape[0]
        guard try vectors.isFinite().all().item() == 1 else {
            found.spoiled = 1
            return found
        }
        let numbers = Tensor.concatenated(codes)
        found.counts = found.counts.addingRows(
            .ones([numbers.count], dtype: book.dtype, device: book.device), at: numbers)
        found.sums = found.sums?.addingRows(vectors, at: numbers)
        return found
    }

    /// (n + s) / (sum n + K s) * sum n: counts that are never zero and have the same sum.
    private func smoothed(_ counts: Tensor) -> Tensor {
        let (total, codes) = (counts.sum(), Double(codebook.shape[0]))
        return (counts + Self.smoothing) / (total + codes * Self.smoothing) * total
    }

    /// Puts a drawn vector in the place of every code that has waited too long.
    ///
    /// - Parameters:
    ///   - vectors: Those of this process.
    ///   - vectorCounts: How many vectors each process has.
    ///   - processes: The processes; nil for this one alone.
    private func restart(
        among vectors: Tensor?, _ vectorCounts: [Int], _ processes: ProcessGroup?
    ) throws {
        let waits: [Double] = try idle.wrappedValue.scalars()
        let dead = waits.indices.filter { waits[$0] >= Double(restartAfter) }
        if dead.isEmpty { return }
        let seed = UInt64(try steps.wrappedValue.item()) &* 0xd134_2543_de82_ef95
        var generator = SplitMix64(seed: seed)
        let total = vectorCounts.reduce(0, +)
        let places = dead.map { _ in generator.uniform(below: total) }
        let drawn = try self.vectors(at: places, among: vectors, vectorCounts, processes)
        for (row, code) in dead.enumerated() {
            let vector = drawn.narrowed(0, from: row, length: 1)
            func put(_ value: Tensor, in parameter: Parameter?) throws {
                try parameter?.wrappedValue.detached().narrowed(0, from: code, length: 1).assign(value)
            }
            try put(vector, in: $codebook)
            try put(vector, in: sums)
            try put(.ones([1], dtype: drawn.dtype, device: drawn.device), in: counts)
            try put(.zeros([1], dtype: drawn.dtype, device: drawn.device), in: idle)
        }
    }

    /// The vectors at some places of those of all processes, which follow each other by rank: each adds what it has.
    private func vectors(
        at places: [Int], among own: Tensor?, _ vectorCounts: [Int], _ processes: ProcessGroup?
    ) throws -> Tensor {
        let book = codebook.detached()
        let rank = processes?.rank ?? 0
        let first = vectorCounts[..<rank].reduce(0, +)
        let range = first..<first + vectorCounts[rank]
        var drawn = Tensor.zeros([places.count, book.shape[1]], dtype: book.dtype, device: book.device)
        if let own {
            let rows = places.map { Int64(range.contains($0) ? $0 - first : 0) }
            drawn = own.gathering(Tensor(rows).to(device: own.device), along: 0)
        }
        guard let processes else { return drawn }
        let isOwn = Tensor(places.map { range.contains($0) ? 1.0 : 0 }).to(device: book.device)
        drawn = drawn * isOwn.to(dtype: drawn.dtype).unsqueezed(1)
        try processes.allReduce(drawn, as: "the exchange of the codes that begin anew")
        return drawn
    }
}

/// A likelihood has no gradient in the codebook: what the decoder sees of it counts as a constant.
extension VectorQuantizer: InformativeLayer {
    public var informativeParameters: [Parameter] { learning == .gradient ? [$codebook] : [] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] { informativeParameters.map { _ in nil } }
}
