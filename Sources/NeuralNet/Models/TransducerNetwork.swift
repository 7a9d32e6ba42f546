import Torch

/// The part of a transducer (Graves 2012) that depends on labels: the prediction network, which reads the labels so
/// far, and the joint, which gives the logits of the next one for a frame.
///
/// Class 0 is the blank: it ends a frame, and stands for the start of an utterance in the prediction network.
public protocol TransducerNetwork {
    /// What the prediction network knows before the first label, for some utterances along the first axis of each
    /// tensor; no tensors if it keeps nothing.
    func initialState(utterances: Int) -> [Tensor]

    /// The prediction after one more label of each utterance.
    ///
    /// - Parameters:
    ///   - labels: int64 [utterances]; 0 at the start.
    ///   - state: what is known of the labels before, the utterances along the first axis.
    /// - Returns: the prediction [utterances, width], and what is known then.
    func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor])

    /// All predictions of known labels: after none, after the first, and so on, [utterances, longest + 1, width].
    ///
    /// By default they are computed one after another.
    ///
    /// - Parameter labels: int64 [utterances, longest], filled up with 0; what follows that is not used.
    func predictions(of labels: Tensor) -> Tensor

    /// The logits of the next label, or the blank, for every frame and every prediction.
    ///
    /// They must be a tensor of their own whose elements no other operation needs for its gradient, such as what a
    /// linear layer gives: the loss writes their gradient into their memory.
    ///
    /// - Parameters:
    ///   - encodings: [utterances, frames, width].
    ///   - predictions: [utterances, positions, width].
    /// - Returns: the logits [utterances, frames, positions, classes].
    func logits(encodings: Tensor, predictions: Tensor) -> Tensor
}

extension TransducerNetwork {
    public func predictions(of labels: Tensor) -> Tensor {
        if labels.failure != nil { return labels }
        let utterances = labels.shape[0]
        var state = initialState(utterances: utterances)
        var last = Tensor.zeros([utterances], dtype: .int64, device: labels.device)
        var found: [Tensor] = []
        for position in 0...labels.shape[1] {
            if position > 0 { last = labels.selecting(1, position - 1) }
            let next = prediction(after: last, state: state)
            found.append(next.prediction)
            state = next.state
        }
        return .stacked(found, along: 1)
    }
}
