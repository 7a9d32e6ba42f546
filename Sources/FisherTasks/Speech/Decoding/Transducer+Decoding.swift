import FisherInformation
import NeuralNet
import Torch

extension Transducer {
    /// The labels that follow where every frame takes its most probable label or the blank, and at most
    /// `mostLabelsPerFrame` labels. Throws the model's failure.
    public func greedyLabels() throws -> LabelSequences {
        try encodings.check()
        return LabelSequences(
            try withoutGradients {
                try labels { logits, _ in try logits.indexOfMaximum(along: -1).scalars(as: Int64.self) }
            })
    }

    /// The most probable label sequences of each utterance, in descending order, by a search that goes frame by frame
    /// (Saon et al. 2020, time-synchronous decoding): within a frame every kept prefix is prolonged by up to
    /// `mostLabelsPerFrame` labels, and alignments of equal labels are merged exactly.
    ///
    /// With a width and a number of labels a frame that drop nothing the probabilities are those of the likelihood. Costs,
    /// for each utterance, frames times labels a frame evaluations of the network for `width` prefixes. Throws the model's
    /// failure.
    ///
    /// - Parameter width: the number of prefixes kept after each frame, and after each label within it.
    public func hypotheses(width: Int) throws -> [[Hypothesis]] {
        precondition(width > 0, "a beam has a width")
        try encodings.check()
        return try withoutGradients {
            try frameCounts.enumerated().map { number, count in
                var search = FrameSearch(width: width, network: network, device: encodings.device)
                for frame in 0..<count {
                    try search.advance(
                        encoding: encodings.detached().selecting(0, number).narrowed(
                            0, from: frame, length: 1),
                        mostLabels: mostLabelsPerFrame)
                }
                return search.beam
            }
        }
    }
}

/// The prefixes of one utterance, and what the network predicts after each.
private struct FrameSearch {
    let width: Int
    let network: any TransducerNetwork
    let device: Device
    /// The prefixes at the start of the next frame, in descending order of their probability.
    private(set) var beam = [Hypothesis(labels: [], logProbability: 0)]
    /// The prediction [1, width] and the state after the prefixes that are kept.
    private var known: [[Int]: (prediction: Tensor, state: [Tensor])]

    init(width: Int, network: any TransducerNetwork, device: Device) {
        self.width = width
        self.network = network
        self.device = device
        known = [
            []: network.prediction(
                after: .zeros([1], dtype: .int64, device: device), state: network.initialState(utterances: 1))
        ]
    }

    /// Takes a frame of encoding [1, width].
    mutating func advance(encoding: Tensor, mostLabels: Int) throws {
        var inside = beam
        var left: [[Int]: Double] = [:]
        for length in 0...mostLabels where !inside.isEmpty {
            try predict(inside)
            let predictions = Tensor.concatenated(inside.compactMap { known[$0.labels]?.prediction })
            let logits = network.logits(
                encodings: encoding.unsqueezed(0).expanded([inside.count, 1, encoding.shape[1]]),
                predictions: predictions.unsqueezed(1))
            let scores = try logits.widened.reshaped([inside.count, -1]).logSoftmax(along: -1)
                .to(dtype: .float64).scalars(as: Double.self)
            let classes = scores.count / inside.count
            var longer: [[Int]: Double] = [:]
            for (row, own) in inside.enumerated() {
                func score(_ label: Int) -> Double { own.logProbability + scores[row * classes + label] }
                left[own.labels] = logSum(left[own.labels] ?? -.infinity, score(0))
                if length == mostLabels { continue }
                for label in 1..<classes {
                    let labels = own.labels + [label]
                    longer[labels] = logSum(longer[labels] ?? -.infinity, score(label))
                }
            }
            inside = longer.map { Hypothesis(labels: $0, logProbability: $1) }.best(width)
        }
        beam = left.map { Hypothesis(labels: $0, logProbability: $1) }.best(width)
        let kept = Set(beam.map(\.labels))
        known = known.filter { kept.contains($0.key) }
    }

    /// Computes the predictions of prefixes whose last label is new.
    private mutating func predict(_ prefixes: [Hypothesis]) throws {
        let new = prefixes.map(\.labels).filter { known[$0] == nil }
        if new.isEmpty { return }
        var rows: [(prediction: Tensor, state: [Tensor])] = []
        for labels in new {
            guard let before = known[Array(labels.dropLast())] else {
                preconditionFailure("a prefix is prolonged by one label")
            }
            rows.append(before)
        }
        let state = (rows.first?.state.indices ?? 0..<0).map { part in
            Tensor.concatenated(rows.map { $0.state[part] })
        }
        let last = Tensor(new.map { Int64($0.last ?? 0) }, shape: [new.count]).to(device: device)
        let next = network.prediction(after: last, state: state)
        try next.prediction.check()
        for (row, labels) in new.enumerated() {
            known[labels] = (
                next.prediction.narrowed(0, from: row, length: 1),
                next.state.map { $0.narrowed(0, from: row, length: 1) }
            )
        }
    }
}
