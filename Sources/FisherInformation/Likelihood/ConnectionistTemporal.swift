import Torch

/// Connectionist temporal classification (Graves et al. 2006): the probability of an utterance's labels, summed over
/// all their alignments to frames.
///
/// Each frame takes a class independently by softmax, and an alignment becomes labels by dropping repetitions and
/// then blanks (class 0). An observation is an utterance: the loss is in nats an utterance. Its information has no
/// closed form, because the labels' probability is a sum over alignments; the other sources work. The information of
/// the labels is not that of the alignment, which is not observed.
public struct ConnectionistTemporal: Likelihood {
    /// The logits, shape [utterances, frames, classes]; class 0 is the blank.
    public let logits: Tensor
    /// The number of frames of each utterance; those behind take no part.
    public let frameCounts: [Int]

    /// Creates the likelihood of its logits, shape [utterances, frames, classes], and of the number of frames of each
    /// utterance. Counts that do not fit give failed logits.
    public init(logits: Tensor, frameCounts: [Int]) {
        let logits = checkedOutputs(logits, named: "logits")
        let failure = logits.failure ?? FrameCounts.failure(frameCounts, of: logits.shape)
        self.logits = failure.map { Tensor(failed: $0) } ?? logits
        self.frameCounts = frameCounts
    }

    public static let closedFormAbsence =
        "has no Fisher information in closed form, because a sequence of labels sums over alignments: draw labels "
        + "from the model (sampled)"

    /// The number of utterances.
    public func observationCount(of observed: LabelSequences) throws(TorchError) -> Int {
        if let failure = failure(of: observed) { throw failure }
        return observed.unitCount
    }

    /// The least number of frames that labels can have: one each, and a blank between equal neighbors.
    public static func leastFrameCount(of labels: [Int]) -> Int {
        labels.count + zip(labels, labels.dropFirst()).count { $0 == $1 }
    }

    /// The labels that an alignment stands for: repetitions are dropped, then blanks.
    public static func collapsed(_ alignment: some Sequence<Int>) -> [Int] {
        var labels: [Int] = []
        var last = 0
        for label in alignment {
            if label != last, label != 0 { labels.append(label) }
            last = label
        }
        return labels
    }

    /// Why labels do not fit the logits, with the number of the utterance.
    private func failure(of observed: LabelSequences) -> TorchError? {
        if let failure = logits.failure { return failure }
        if let failure = observed.failure(utterances: logits.shape[0], classes: logits.shape[2]) {
            return failure
        }
        for (number, (labels, count)) in zip(observed.labels, frameCounts).enumerated() {
            let least = Self.leastFrameCount(of: labels)
            if least > count {
                return TorchError(
                    message: "utterance \(number) has \(count) frames, but its \(labels.count) labels need "
                        + "\(least): they have probability zero")
            }
        }
        return nil
    }
}

extension ConnectionistTemporal: Samplable {
    /// The labels of an alignment drawn frame by frame within each utterance's frames, which they therefore always fit.
    public func sample(using generator: RandomGenerator) -> LabelSequences {
        if let failure = logits.failure { return LabelSequences(failed: failure) }
        let (frames, classes) = (logits.shape[1], logits.shape[2])
        let places = frameCounts.enumerated().flatMap { number, count in
            (0..<count).map { Int64(number * frames + $0) }
        }
        guard !places.isEmpty else { return LabelSequences(frameCounts.map { _ in [] }) }
        let rows = logits.detached().reshaped([-1, classes])
            .gathering(Tensor(places, shape: [places.count]).to(device: logits.device), along: 0)
        let owners = frameCounts.enumerated().flatMap { number, count in
            Array(repeating: number, count: count)
        }
        let drawn = generator.drawing(forUnits: { $0 == frameCounts.count ? owners : nil }) {
            rows.widened.softmax(along: -1).sampledCategories(using: generator)
        }
        do throws(TorchError) {
            let alignments = try drawn.scalars(as: Int64.self)
            var start = 0
            return LabelSequences(
                frameCounts.map { count in
                    defer { start += count }
                    return Self.collapsed(alignments[start..<start + count].lazy.map { Int($0) })
                })
        } catch { return LabelSequences(failed: error) }
    }

    /// -log p of each utterance's labels, shape [utterances]. Labels that need more frames than there are give a failed
    /// tensor that names the utterance.
    public func perObservationNegativeLogLikelihood(of observed: LabelSequences) -> Tensor {
        if let failure = failure(of: observed) { return Tensor(failed: failure) }
        return logits.widened.connectionistTemporalLoss(labels: observed.labels, frameCounts: frameCounts)
    }
}

extension ConnectionistTemporal: OutputLikelihood {
    public var outputs: Tensor { logits }

    public func observedPositions(of observed: LabelSequences) -> [Tensor] {
        guard logits.failure == nil else { return [] }
        return [FrameCounts(counts: frameCounts, frames: logits.shape[1]).positions(on: logits.device)]
            .compactMap(\.self)
    }
}
