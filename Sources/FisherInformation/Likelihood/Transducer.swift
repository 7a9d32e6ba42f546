import NeuralNet
import Torch

/// A transducer (Graves 2012): the probability of an utterance's labels, summed over all their alignments to frames,
/// where the next label depends on those before.
///
/// At frame t after u labels the network gives the probabilities of the next label, and of the blank, class 0, which
/// goes on to the next frame. These logits depend on the labels themselves, so they are computed with the loss, and the
/// layers of the prediction network and the joint are recorded where the objective is created. Labels that are drawn have
/// logits of their own, from the same encodings.
///
/// An observation is an utterance: the loss is in nats an utterance. Its information has no closed form, because the
/// labels' probability is a sum over alignments, and does not expose outputs, because they are different ones for every
/// label sequence. The empirical and the sampled information and the mini-batch square work.
public struct Transducer: Likelihood {
    public static let closedFormAbsence = ConnectionistTemporal.closedFormAbsence

    /// The encodings of the frames, shape [utterances, frames, width].
    public let encodings: Tensor
    /// The number of frames of each utterance; those behind take no part.
    public let frameCounts: [Int]
    /// The prediction network and the joint.
    public let network: any TransducerNetwork
    /// The number of labels after which a draw goes on to the next frame, whatever the network says.
    public let mostLabelsPerFrame: Int

    /// Creates the likelihood. Counts that do not fit give failed encodings.
    ///
    /// - Parameters:
    ///   - encodings: the encodings of the frames, shape [utterances, frames, width].
    ///   - frameCounts: the number of frames of each utterance.
    ///   - network: the prediction network and the joint.
    ///   - mostLabelsPerFrame: the number of labels after which a draw goes on to the next frame: without it a network
    ///     that has not learned to end frames would draw without end. Labels drawn with a probability below that of the
    ///     tenth label of a frame are missing from the sampled information.
    public init(
        encodings: Tensor, frameCounts: [Int], network: any TransducerNetwork, mostLabelsPerFrame: Int = 10
    ) {
        precondition(mostLabelsPerFrame > 0, "a frame may have a label")
        let encodings = checkedOutputs(encodings, named: "encodings")
        let failure = encodings.failure ?? FrameCounts.failure(frameCounts, of: encodings.shape)
        self.encodings = failure.map { Tensor(failed: $0) } ?? encodings
        self.frameCounts = frameCounts
        self.network = network
        self.mostLabelsPerFrame = mostLabelsPerFrame
    }

    /// The logits at every frame and after every number of labels, shape [utterances, frames, longest + 1, classes].
    public func logits(for labels: LabelSequences) -> Tensor {
        if let failure = failure(of: labels) { return Tensor(failed: failure) }
        let predictions = network.predictions(of: labels.padded(device: encodings.device))
        if predictions.failure != nil { return predictions }
        let logits = network.logits(encodings: encodings, predictions: predictions).widenedInAutocast
        if logits.failure != nil { return logits }
        let expected = [labels.unitCount, encodings.shape[1], labels.longest + 1]
        guard logits.rank == 4, Array(logits.shape.dropLast()) == expected, logits.dtype.isFloatingPoint
        else {
            return Tensor(
                failed: TorchError(
                    message:
                        "the joint of a transducer gives logits [utterances, frames, labels + 1, classes], here "
                        + "\(expected) and the classes, not \(logits.summary)"))
        }
        let failure = labels.failure(utterances: labels.unitCount, classes: logits.shape[3])
        return failure.map { Tensor(failed: $0) } ?? logits
    }

    /// The number of utterances.
    public func observationCount(of observed: LabelSequences) throws(TorchError) -> Int {
        if let failure = failure(of: observed) { throw failure }
        return observed.unitCount
    }

    /// Frames, numbers of labels before, and pairs of both.
    public func observedPositions(of observed: LabelSequences) -> [Tensor] {
        guard failure(of: observed) == nil, encodings.shape[0] > 0 else { return [] }
        let (frames, positions) = (encodings.shape[1], observed.longest + 1)
        let counts = observed.labels.map { $0.count + 1 }
        if frameCounts.allSatisfy({ $0 == frames }) && counts.allSatisfy({ $0 == positions }) { return [] }
        let device = encodings.device
        let byFrame = frameCounts.mask(width: frames, on: device)
        let byLabel = counts.mask(width: positions, on: device)
        let byNode = byFrame.to(dtype: .int64).unsqueezed(2) * byLabel.to(dtype: .int64).unsqueezed(1)
        return [byFrame, byLabel, byNode.flattened(from: 1).equals(1)]
    }

    /// Why labels do not fit the encodings, with the number of the utterance; classes are known to the network only.
    private func failure(of observed: LabelSequences) -> TorchError? {
        if let failure = encodings.failure { return failure }
        if let failure = observed.failure(utterances: encodings.shape[0], classes: .max) { return failure }
        if let number = zip(observed.labels, frameCounts).enumerated().first(where: {
            $1.1 == 0 && !$1.0.isEmpty
        })?.offset {
            return TorchError(
                message:
                    "utterance \(number) has no frames, but \(observed.labels[number].count) labels: they have "
                    + "probability zero")
        }
        return nil
    }
}

extension Transducer: Samplable {
    /// Labels drawn one after another, with the network's predictions after those before.
    public func sample(using generator: RandomGenerator) -> LabelSequences {
        if let failure = encodings.failure { return LabelSequences(failed: failure) }
        do {
            return LabelSequences(
                try withoutGradients {
                    try labels { logits, active in
                        try generator.drawing(forUnits: { $0 == frameCounts.count ? active : nil }) {
                            try logits.softmax(along: -1).sampledCategories(using: generator).scalars(
                                as: Int64.self)
                        }
                    }
                })
        } catch let error as TorchError { return LabelSequences(failed: error) } catch {
            preconditionFailure("only tensors fail here")
        }
    }

    /// The labels of each utterance, one after another: `choose` takes a class for each row of logits [utterances,
    /// classes] at their frames, given the labels before; it is told which utterances they are.
    package func labels(choosing choose: (Tensor, [Int]) throws -> [Int64]) throws -> [[Int]] {
        let (device, frames) = (encodings.device, encodings.shape[1])
        func indices(_ numbers: [Int]) -> Tensor {
            Tensor(numbers.map { Int64($0) }, shape: [numbers.count]).to(device: device)
        }
        let utterances = frameCounts.count
        var labels = [[Int]](repeating: [], count: utterances)
        var (frame, inFrame) = (
            [Int](repeating: 0, count: utterances), [Int](repeating: 0, count: utterances)
        )
        guard frameCounts.contains(where: { $0 > 0 }) else { return labels }
        let flat = encodings.detached().flattened(to: 1)
        var (prediction, state) = network.prediction(
            after: .zeros([utterances], dtype: .int64, device: device),
            state: network.initialState(utterances: utterances))
        while true {
            let active = (0..<utterances).filter { frame[$0] < frameCounts[$0] }
            if active.isEmpty { return labels }
            let logits = network.logits(
                encodings: flat.gathering(indices(active.map { $0 * frames + frame[$0] }), along: 0)
                    .unsqueezed(1),
                predictions: prediction.gathering(indices(active), along: 0).unsqueezed(1))
            let drawn = try choose(logits.widened.reshaped([active.count, -1]), active)
            var chosen: [Int] = []
            for (number, label) in zip(active, drawn) {
                if label == 0 || inFrame[number] == mostLabelsPerFrame {
                    (frame[number], inFrame[number]) = (frame[number] + 1, 0)
                } else {
                    labels[number].append(Int(label))
                    inFrame[number] += 1
                    chosen.append(number)
                }
            }
            if chosen.isEmpty { continue }
            let rows = indices(chosen)
            let next = network.prediction(
                after: indices(chosen.map { labels[$0].last ?? 0 }),
                state: state.map { $0.gathering(rows, along: 0) })
            // The new rows take the places of the old ones.
            var order = Array(0..<utterances)
            for (place, number) in chosen.enumerated() { order[number] = utterances + place }
            func merged(_ old: Tensor, _ new: Tensor) -> Tensor {
                .concatenated([old, new]).gathering(indices(order), along: 0)
            }
            prediction = merged(prediction, next.prediction)
            state = zip(state, next.state).map(merged)
        }
    }

    /// -log p of each utterance's labels, shape [utterances], by the fused lattice. A backward pass that does not keep
    /// the graph writes the gradient over the logits, which nobody else has.
    public func perObservationNegativeLogLikelihood(of observed: LabelSequences) -> Tensor {
        let logits = logits(for: observed)
        if logits.failure != nil { return logits }
        return logits.transducerLoss(labels: observed.labels, frameCounts: frameCounts, overwriting: true)
    }
}
