// The operations of a network's layers, and the loss of a classifier.

private let linearMap = Operation("linear")
private let embeddingRows = Operation("embedding")
private let layerNormalization = Operation("layer_norm")
private let groupNormalization = Operation("group_norm")
private let batchNormalization = Operation("batch_norm")
private let lowerTriangle = Operation("tril")
private let attention = Operation("scaled_dot_product_attention")
private let crossEntropyLoss = Operation("cross_entropy_loss")
private let gaussianErrorUnit = Operation("gelu")
private let hyperbolicTangent = Operation("tanh")
private let rectifier = Operation("relu")
private let sigmoidUnit = Operation("silu")
private let gatedUnit = Operation("glu")

extension Tensor {
    /// x W^T + b for W of shape [out, in].
    public func linear(weight: Tensor, bias: Tensor? = nil) -> Tensor {
        linearMap(.tensor(self), .tensor(weight), .optional(bias))
    }

    /// The rows of this table [entries, width] whose numbers are in `indices`.
    public func rows(_ indices: Tensor) -> Tensor { embeddingRows(.tensor(self), .tensor(indices)) }

    /// (x - mean) / sqrt(variance + epsilon) over the last dimension, scaled and shifted; inside ``withAutocast(to:_:)`` in
    /// float32, as all normalizations and losses are.
    public func layerNormalized(weight: Tensor, bias: Tensor?, epsilon: Double) -> Tensor {
        if let failure = weight.failure { return Tensor(.failure(failure)) }
        return layerNormalization(
            .tensor(widenedInAutocast), .integers(weight.shape), .tensor(weight), .optional(bias),
            .real(epsilon))
    }

    /// (x - mean) / sqrt(variance + epsilon) over each of `groups` equal groups of channels of [batch,
    /// channels, ...] with all their positions, scaled and shifted by channel.
    public func groupNormalized(groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double) -> Tensor {
        groupNormalization(
            .tensor(widenedInAutocast), .integer(groups), .optional(weight), .optional(bias), .real(epsilon),
            .boolean(false))
    }

    /// (x - mean) / sqrt(variance + epsilon) by channel of [batch, channels, ...], scaled and shifted.
    ///
    /// While training, mean and variance are those of the batch, and the running ones move towards them in
    /// place: r <- (1 - momentum) r + momentum * batch's, the variance there with its unbiased estimate.
    /// Otherwise the running ones are used and stay.
    public func batchNormalized(
        weight: Tensor?, bias: Tensor?, runningMean: Tensor, runningVariance: Tensor, isTraining: Bool,
        momentum: Double, epsilon: Double
    ) -> Tensor {
        batchNormalization(
            .tensor(widenedInAutocast), .optional(weight), .optional(bias), .tensor(runningMean),
            .tensor(runningVariance), .boolean(isTraining), .real(momentum), .real(epsilon), .boolean(false))
    }

    /// softmax(Q K^T / sqrt(d)) V for self = Q, each [..., positions, d].
    ///
    /// Inside `withSecondDerivatives` it is made of single operations, because the fused one has no second
    /// derivative. Inside ``withAutocast(to:_:)`` a CPU computes it in float32, which is faster there.
    ///
    /// - Parameters:
    ///   - keys: K.
    ///   - values: V.
    ///   - isCausal: whether a position attends to no later one.
    ///   - attended: which keys are attended to, Booleans that broadcast to [..., positions, keys]; nil for all. A query
    ///     needs one key at least. It cannot be combined with `isCausal`.
    ///   - dropping: what is applied to the attention weights [..., positions, keys] before they meet the values, a
    ///     dropout with a generator of its own; nil for nothing. With it the fused operation is not used.
    public func attending(
        keys: Tensor, values: Tensor, isCausal: Bool, attended: Tensor? = nil,
        dropping: ((Tensor) -> Tensor)? = nil
    ) -> Tensor {
        precondition(!isCausal || attended == nil, "an attention is causal or has a mask, not both")
        if SecondDerivatives.areWanted || dropping != nil {
            return composedAttention(
                keys: keys, values: values, isCausal: isCausal, attended: attended, dropping: dropping)
        }
        func fused(_ queries: Tensor, _ keys: Tensor, _ values: Tensor) -> Tensor {
            attention(
                .tensor(queries), .tensor(keys), .tensor(values), .optional(attended), .real(0),
                .boolean(isCausal))
        }
        // The engine's products in bfloat16 are called for blocks of a few rows, each with a cost of its own.
        guard ComputePrecision.current != .float32, failure == nil, device == .cpu else {
            return fused(self, keys, values)
        }
        return withAutocast(to: .float32) { fused(widened, keys.widened, values.widened) }
    }

    private func composedAttention(
        keys: Tensor, values: Tensor, isCausal: Bool, attended: Tensor?, dropping: ((Tensor) -> Tensor)?
    ) -> Tensor {
        guard failure == nil, keys.failure == nil else { return matmul(keys) }
        let scores = matmul(keys.transposed()) * (1 / Double(shape.last ?? 1).squareRoot())
        var seen = attended
        if isCausal {
            let size = [shape[shape.count - 2], keys.shape[keys.shape.count - 2]]
            seen = lowerTriangle(.tensor(.ones(size, dtype: dtype, device: device)))
        }
        let masked = seen.map { scores.masked($0.equals(0), with: -.infinity) } ?? scores
        let weights = masked.softmax(along: -1)
        return (dropping.map { $0(weights) } ?? weights).matmul(values)
    }

    /// The sum of -log softmax(logits)[target] for self = logits [samples, classes] and int64 targets
    /// [samples]; targets equal to `ignored` do not count.
    public func crossEntropySum(targets: Tensor, ignoring ignored: Int = -100) -> Tensor {
        crossEntropyLoss(
            .tensor(widenedInAutocast), .tensor(targets), .none, .integer(2), .integer(ignored))
    }
    /// -log softmax(logits)[target] of each sample, shape [samples], for self and targets as in
    /// `crossEntropySum`; 0 if the target is `ignored`.
    public func crossEntropy(targets: Tensor, ignoring ignored: Int = -100) -> Tensor {
        crossEntropyLoss(
            .tensor(widenedInAutocast), .tensor(targets), .none, .integer(0), .integer(ignored))
    }

    /// The Gaussian error linear unit x Phi(x) of each element, Phi the normal distribution function.
    public func gelu() -> Tensor { gaussianErrorUnit(.tensor(self)) }
    /// The Gaussian error linear unit x Phi(x) of each element, approximated by tanh.
    public func geluTanh() -> Tensor { gaussianErrorUnit(.tensor(self), .string("tanh")) }
    /// The hyperbolic tangent of each element.
    public func tanh() -> Tensor { hyperbolicTangent(.tensor(self)) }
    /// The rectifier max(0, x) of each element.
    public func relu() -> Tensor { rectifier(.tensor(self)) }
    /// The sigmoid linear unit x sigmoid(x) of each element.
    public func silu() -> Tensor { sigmoidUnit(.tensor(self)) }
    /// The gated linear unit a sigmoid(b) for the two halves a and b of the last dimension, whose size must be even.
    public func gatedLinearUnit() -> Tensor { gatedUnit(.tensor(self), .integer(-1)) }
}
