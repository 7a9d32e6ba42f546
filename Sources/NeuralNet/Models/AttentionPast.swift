import Torch

/// The keys and values of the positions that a causal attention has seen, so that a later position costs no pass over them.
///
/// Its memory is taken at once, for as many positions as there can be.
final class AttentionPast {
    /// The number of positions.
    private(set) var count = 0
    /// The most positions.
    private let limit: Int
    /// K and V [batch, heads, limit, width / heads]; nil before the first positions.
    private var memory: (keys: Tensor, values: Tensor)?

    /// Creates an empty past of at most `limit` positions.
    init(limit: Int) { self.limit = limit }

    /// Adds the keys and values [batch, heads, positions, width / heads] of new positions, and returns those of all.
    func append(keys: Tensor, values: Tensor) throws(TorchError) -> (keys: Tensor, values: Tensor) {
        try keys.check()
        try values.check()
        let (first, length) = (count, keys.shape[2])
        precondition(first + length <= limit, "\(first) + \(length) positions exceed \(limit)")
        let room = memory ?? (room(for: keys), room(for: values))
        try room.keys.narrowed(2, from: first, length: length).assign(keys)
        try room.values.narrowed(2, from: first, length: length).assign(values)
        memory = room
        count += length
        return (
            room.keys.narrowed(2, from: 0, length: count), room.values.narrowed(2, from: 0, length: count)
        )
    }

    /// Memory for as many positions as there can be, of which the tensor has some.
    private func room(for tensor: Tensor) -> Tensor {
        var shape = tensor.shape
        shape[2] = limit
        return .zeros(shape, dtype: tensor.dtype, device: tensor.device)
    }
}
