// Losses of sequences of labels, summed over their alignments to frames.

private let connectionistTemporal = Operation("ctc_loss.IntList")

extension Tensor {
    /// -log of the probability of each utterance's labels under connectionist temporal classification (Graves et al.
    /// 2006), shape [utterances], for self = logits [utterances, frames, classes] of class 0, the blank, and the labels'
    /// classes. Infinite for labels that do not fit into their frames.
    ///
    /// The engine's own loss, for float32 and float64, without second derivatives.
    ///
    /// - Parameters:
    ///   - labels: the labels of each utterance, classes from 1 on.
    ///   - frameCounts: the number of frames of each utterance; those behind take no part.
    public func connectionistTemporalLoss(labels: [[Int]], frameCounts: [Int]) -> Tensor {
        if failure != nil { return self }
        precondition(
            rank == 3 && labels.count == shape[0] && frameCounts.count == shape[0],
            "labels and frame counts are those of the utterances")
        // The engine's loss accepts neither an empty batch nor a batch without frames: a sum of zeros keeps the graph.
        if count == 0 { return flattened(from: 1).sum(along: 1) }
        let targets = labels.flatMap { $0.map(Int64.init) }
        return connectionistTemporal(
            .tensor(logSoftmax(along: -1).transposed(0, 1)),
            .tensor(Tensor(targets, shape: [targets.count]).to(device: device)), .integers(frameCounts),
            .integers(labels.map(\.count)), .integer(0), .integer(0), .boolean(false))
    }
}
