import Torch

/// Which positions of a batch of sequences of different lengths are there.
///
/// Sequences begin at the first position; what lies behind the end of one is padding.
struct SequencePadding {
    /// 1 where a position is there and 0 where not, [batch, positions, 1]; nil if all are there.
    let present: Tensor?
    /// The positions to attend to, Booleans [batch, 1, 1, positions]; nil for all.
    let attended: Tensor?
    /// The places of the positions that are there in the flattened [batch x positions]; nil for all.
    let places: Tensor?

    /// Describes sequences of `counts` positions, padded to `length`.
    init(_ counts: [Int], length: Int, dtype: DType, device: Device) {
        guard counts.contains(where: { $0 < length }) else {
            (present, attended, places) = (nil, nil, nil)
            return
        }
        let flags = counts.flatMap { count in (0..<length).map { $0 < count ? 1.0 : 0 } }
        let table = Tensor(flags, shape: [counts.count, length, 1]).to(dtype: dtype, device: device)
        present = table
        attended = table.equals(1).reshaped([counts.count, 1, 1, length])
        let chosen = flags.indices.filter { flags[$0] == 1 }.map(Int64.init)
        places = Tensor(chosen, shape: [chosen.count]).to(device: device)
    }

    /// [batch, positions, width] with zeros at the padding.
    func clearing(_ sequences: Tensor) -> Tensor { present.map { sequences * $0 } ?? sequences }
}

/// A block of a ``Conformer``: half a feed-forward, attention, convolution, half a feed-forward, each added to the
/// stream, and a normalization (Gulati et al. 2020).
public final class ConformerBlock: Module {
    /// The first half step.
    public let firstFeedForward: ConformerFeedForward
    /// The normalization before the attention.
    public let attentionNorm: LayerNorm
    /// The attention.
    public let attention: RotarySelfAttention
    /// The convolution.
    public let convolution: ConformerConvolution
    /// The second half step.
    public let secondFeedForward: ConformerFeedForward
    /// The normalization of the output.
    public let finalNorm: LayerNorm
    let dropout: Dropout

    init(_ configuration: Conformer.Configuration, dtype: DType, using generator: RandomGenerator) {
        let width = configuration.width
        firstFeedForward = ConformerFeedForward(configuration, dtype: dtype, using: generator)
        attentionNorm = LayerNorm(width, dtype: dtype)
        attention = RotarySelfAttention(width, heads: configuration.heads, dtype: dtype, using: generator)
        convolution = ConformerConvolution(configuration, dtype: dtype, using: generator)
        secondFeedForward = ConformerFeedForward(configuration, dtype: dtype, using: generator)
        finalNorm = LayerNorm(width, dtype: dtype)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// The block's output, of the input's shape [batch, positions, width].
    func callAsFunction(_ input: Tensor, padding: SequencePadding, turned: RotaryPositions) -> Tensor {
        var x = input + firstFeedForward(input) * 0.5
        x = x + dropout(attention(attentionNorm(x), attended: padding.attended, turned: turned))
        x = x + convolution(x, padding: padding)
        x = x + secondFeedForward(x) * 0.5
        return finalNorm(x)
    }
}

/// The feed-forward of a ``ConformerBlock``: a normalization and two linear maps with a SiLU between, whose inner width is
/// four times the outer one.
public final class ConformerFeedForward: Module {
    /// The normalization of the input.
    public let norm: LayerNorm
    /// The map to the inner width.
    public let expand: Linear
    /// The map back.
    public let contract: Linear
    let dropout: Dropout

    init(_ configuration: Conformer.Configuration, dtype: DType, using generator: RandomGenerator) {
        let width = configuration.width
        norm = LayerNorm(width, dtype: dtype)
        expand = Linear(width, 4 * width, dtype: dtype, using: generator)
        contract = Linear(4 * width, width, dtype: dtype, using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// The output, of the input's shape [..., width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        dropout(contract(dropout(expand(norm(input)).silu())))
    }
}

/// The convolution of a ``ConformerBlock``: a pointwise map to a gated linear unit, a convolution of each channel along
/// the positions, a normalization, SiLU, and a pointwise map.
///
/// Padding is set to zero before the positions are mixed, and takes no part in the statistics of a batch normalization, so
/// that a sequence has the values that it has alone.
public final class ConformerConvolution: Module {
    /// The normalization of the input.
    public let norm: LayerNorm
    /// The map to twice the width, whose second half gates the first.
    public let expand: Linear
    /// The convolution of each channel.
    public let depthwise: Conv1d
    /// The normalization behind it by position; nil if it is by batch.
    public let innerNorm: LayerNorm?
    /// The normalization behind it by batch; nil if it is by position.
    public let batchNorm: BatchNorm?
    /// The last map.
    public let contract: Linear
    let dropout: Dropout

    init(_ configuration: Conformer.Configuration, dtype: DType, using generator: RandomGenerator) {
        let (width, kernel) = (configuration.width, configuration.kernel)
        norm = LayerNorm(width, dtype: dtype)
        expand = Linear(width, 2 * width, dtype: dtype, using: generator)
        depthwise = Conv1d(
            width, width, kernel: kernel, padding: kernel / 2, groups: width, dtype: dtype, using: generator)
        innerNorm = configuration.norm == .layer ? LayerNorm(width, dtype: dtype) : nil
        batchNorm = configuration.norm == .batch ? BatchNorm(width, dtype: dtype) : nil
        contract = Linear(width, width, dtype: dtype, using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// The output, of the input's shape [batch, positions, width].
    func callAsFunction(_ input: Tensor, padding: SequencePadding) -> Tensor {
        let gated = padding.clearing(expand(norm(input)).gatedLinearUnit())
        let mixed = depthwise(gated.transposed(1, 2))
        return dropout(contract(normalized(mixed, padding).silu()))
    }

    /// The normalized [batch, width, positions] as [batch, positions, width].
    private func normalized(_ mixed: Tensor, _ padding: SequencePadding) -> Tensor {
        if let innerNorm { return innerNorm(mixed.transposed(1, 2)) }
        guard let batchNorm, mixed.failure == nil else { return mixed }
        guard batchNorm.isTraining, let places = padding.places else {
            return batchNorm(mixed).transposed(1, 2)
        }
        let rows = mixed.transposed(1, 2)
        let flat = rows.flattened(to: 1)
        let found = batchNorm(flat.gathering(places, along: 0))
        if found.failure != nil { return found }
        return Tensor.zeros(like: flat.detached(), dtype: found.dtype).addingRows(found, at: places)
            .reshaped(rows.shape)
    }
}
