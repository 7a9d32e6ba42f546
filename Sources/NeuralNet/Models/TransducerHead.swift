import Torch

/// The prediction network and the joint of a transducer (Graves 2012).
///
/// The prediction network is a language model of the labels so far; the joint adds its map of an encoding and of a
/// prediction and computes logits of the next label or the blank, class 0, which also stands before the first label.
public final class TransducerHead: Module, TransducerNetwork {
    /// The vectors of the labels.
    public let embedding: Embedding
    /// The recurrent network; nil if the prediction depends on the last labels only.
    public let recurrent: LSTM?
    /// The map of the vectors of the last labels, joined, the latest last; nil if there is a recurrent network.
    public let context: Linear?
    /// The map of the encodings to the joint width.
    public let encodingMap: Linear
    /// The map of the predictions to the joint width.
    public let predictionMap: Linear
    /// The map to logits.
    public let output: Linear
    /// The number of last labels that a prediction without a recurrent network depends on.
    public let contextLength: Int

    init(_ configuration: Conformer.Configuration, dtype: DType, using generator: RandomGenerator) {
        let (width, joint) = (configuration.predictionWidth, configuration.jointWidth)
        let length = configuration.predictionContext
        contextLength = length
        embedding = Embedding(configuration.classes, width, dtype: dtype, using: generator)
        recurrent = length == 0 ? LSTM(width, width, dtype: dtype, using: generator) : nil
        context = length == 0 ? nil : Linear(length * width, width, dtype: dtype, using: generator)
        encodingMap = Linear(configuration.width, joint, dtype: dtype, using: generator)
        predictionMap = Linear(width, joint, bias: false, dtype: dtype, using: generator)
        output = Linear(joint, configuration.classes, dtype: dtype, using: generator)
    }

    /// What the prediction network knows before the first label: the hidden and the cell state, or the last labels.
    public func initialState(utterances: Int) -> [Tensor] {
        let weight = embedding.weight
        guard recurrent != nil else {
            return [.zeros([utterances, contextLength], dtype: .int64, device: weight.device)]
        }
        let zeros = Tensor.zeros([utterances, weight.shape[1]], dtype: weight.dtype, device: weight.device)
        return [zeros, zeros]
    }

    /// The prediction [utterances, width] after one more label of each utterance, the blank at the start, and what is
    /// known then.
    public func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor]) {
        if let failure = labels.failure { return (Tensor(failed: failure), state) }
        if let recurrent {
            let (output, next) = recurrent.run(
                embedding(labels.unsqueezed(1)), from: LSTM.State(hidden: state[0], cell: state[1]))
            return (output.failure == nil ? output.selecting(1, 0) : output, [next.hidden, next.cell])
        }
        let last = state[0].narrowed(1, from: 1, length: contextLength - 1)
        let seen = Tensor.concatenated([last, labels.unsqueezed(1)], along: 1)
        return (predicted(from: embedding(seen)), [seen])
    }

    /// The predictions [utterances, longest + 1, width] before each of the labels and behind the last one, for int64 labels
    /// [utterances, longest], filled up with 0.
    public func predictions(of labels: Tensor) -> Tensor {
        if labels.failure != nil { return labels }
        let (utterances, length) = (labels.shape[0], labels.shape[1] + 1)
        let blanks = Tensor.zeros(
            [utterances, max(contextLength, 1)], dtype: .int64, device: labels.device)
        let started = Tensor.concatenated([blanks, labels], along: 1)
        if let recurrent { return recurrent(embedding(started)) }
        let windows = (0..<contextLength).map { started.narrowed(1, from: $0, length: length) }
        return predicted(from: embedding(.stacked(windows, along: 2)))
    }

    /// The prediction [..., width] from the vectors [..., context, width] of the last labels.
    private func predicted(from vectors: Tensor) -> Tensor {
        guard let context, vectors.failure == nil else { return vectors }
        return context(vectors.flattened(from: -2)).tanh()
    }

    /// The logits [utterances, frames, positions, classes] of every pair of an encoding [utterances, frames, encoder's
    /// width] and a prediction [utterances, positions, width].
    public func logits(encodings: Tensor, predictions: Tensor) -> Tensor {
        let (a, b) = (encodingMap(encodings), predictionMap(predictions))
        if let failure = a.failure ?? b.failure { return Tensor(failed: failure) }
        return output((a.unsqueezed(2) + b.unsqueezed(1)).tanh())
    }
}
