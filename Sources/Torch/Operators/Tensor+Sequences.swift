import CTorch

// Losses of sequences of labels, summed over their alignments to frames.

private let connectionistTemporal = Operation("ctc_loss.IntList")

extension Tensor {
    /// -log of the probability of each utterance's labels under connectionist temporal classification (Graves et al.
    /// 2006), shape [utterances], for self = logits [utterances, frames, classes] of class 0, the blank, and the labels'
    /// classes. Infinite for labels that do not fit into their frames.
    ///
    /// The engine's own loss, for float32 and float64; inside `withSecondDerivatives` it is made of single operations,
    /// because the engine's has no second derivative.
    ///
    /// - Parameters:
    ///   - labels: the labels of each utterance, classes from 1 on.
    ///   - frameCounts: the number of frames of each utterance; those behind take no part.
    public func connectionistTemporalLoss(labels: [[Int]], frameCounts: [Int]) -> Tensor {
        if failure != nil { return self }
        precondition(
            rank == 3 && labels.count == shape[0] && frameCounts.count == shape[0],
            "labels and frame counts are those of the utterances")
        // The engine's loss accepts neither an empty batch nor one without frames: a sum of nothing keeps the graph.
        if count == 0 { return flattened(from: 1).sum(along: 1) }
        if SecondDerivatives.areWanted {
            return composedTemporalLoss(labels: labels, frameCounts: frameCounts)
        }
        let targets = labels.flatMap { $0.map(Int64.init) }
        return connectionistTemporal(
            .tensor(logSoftmax(along: -1).transposed(0, 1)),
            .tensor(Tensor(targets, shape: [targets.count]).to(device: device)), .integers(frameCounts),
            .integers(labels.map(\.count)), .integer(0), .integer(0), .boolean(false))
    }

    /// -log of the probability of each utterance's labels under a transducer (Graves 2012), shape [utterances], for self
    /// = logits [utterances, frames, positions, classes]: at the node (t, u) those of the blank, class 0, which goes on
    /// to frame t + 1, and of the label after the first u, which goes on to u + 1.
    ///
    /// Fused loops: a forward pass that computes one divisor a node, and a backward pass that computes the exact gradient
    /// from them in log space; no softmax of all logits is stored. On another device than the CPU the logits are copied
    /// there and back. Inside `withSecondDerivatives` it is made of single operations.
    ///
    /// - Parameters:
    ///   - labels: the labels of each utterance, classes from 1 on, at most positions - 1.
    ///   - frameCounts: the number of frames of each utterance; those behind take no part. An utterance without frames
    ///     has probability 1 without labels, and 0 with any.
    ///   - overwriting: whether a backward pass that does not keep the graph may write the gradient into the memory of
    ///     these logits, which then must be the result of an operation that does not need them, and not be read again.
    public func transducerLoss(labels: [[Int]], frameCounts: [Int], overwriting: Bool = false) -> Tensor {
        transducerLoss(
            labels: labels, frameCounts: frameCounts, overwriting: overwriting, with: InstructionSet.fastest)
    }

    package func transducerLoss(
        labels: [[Int]], frameCounts: [Int], overwriting: Bool, with set: InstructionSet
    ) -> Tensor {
        if failure != nil { return self }
        precondition(
            rank == 4 && labels.count == shape[0] && frameCounts.count == shape[0]
                && labels.allSatisfy { own in
                    own.count < shape[2] && own.allSatisfy { $0 > 0 && $0 < shape[3] }
                }
                && frameCounts.allSatisfy { $0 >= 0 && $0 <= shape[1] },
            "labels and frame counts are those of the utterances")
        if count == 0 { return flattened(from: 1).sum(along: 1) }
        if SecondDerivatives.areWanted {
            return composedTransducerLoss(labels: labels, frameCounts: frameCounts)
        }
        guard device == .cpu, dtype == .float32 || dtype == .float64 else {
            let type: DType = dtype == .float64 ? .float64 : .float32
            return to(dtype: type, device: .cpu).transducerLoss(
                labels: labels, frameCounts: frameCounts, overwriting: true, with: set
            ).to(dtype: dtype, device: device)
        }
        let logits = contiguous()
        if logits.failure != nil { return logits }
        do {
            let lattice = TransducerLattice(
                of: logits, labels: labels, frameCounts: frameCounts, with: set)
            let (losses, normalizers) = try lattice.losses(logits)
            // A leaf's elements are its owner's.
            let mayOverwrite = overwriting && (!logits.requiresGradient || !ct_tensor_is_leaf(logits.handle))
            let version = ct_tensor_version(logits.handle)
            return losses.to(dtype: dtype).recorded(asFunctionOf: logits) { slope, keepsGraph in
                guard ct_tensor_version(logits.handle) == version else {
                    return Tensor(
                        failed: TorchError(
                            message: "the logits of a transducer were changed before its backward pass"))
                }
                do {
                    let weights = try slope.to(dtype: .float64).scalars(as: Double.self)
                    let target =
                        mayOverwrite && !keepsGraph
                        ? logits.detached() : .uninitialized(logits.shape, dtype: logits.dtype)
                    try target.check()
                    lattice.writeGradient(of: logits, normalizers, weights: weights, into: target)
                    // Whoever else needs the logits learns that they are gone.
                    if mayOverwrite && !keepsGraph { ct_tensor_note_change(target.handle) }
                    return target
                } catch let error as TorchError { return Tensor(failed: error) } catch {
                    preconditionFailure("only tensors fail here")
                }
            }
        } catch { return Tensor(failed: error) }
    }
}
