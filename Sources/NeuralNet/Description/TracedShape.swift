/// The known part of the shape of a value between two layers, the batch first.
public enum TracedShape: Hashable, Sendable {
    /// Nothing is known.
    case unknown
    /// The last size is known, the number of dimensions is not.
    case last(Int)
    /// The number of dimensions is known, and some sizes.
    case ranked([Int?])

    /// The sizes, where their number is known.
    public var sizes: [Int?]? {
        if case .ranked(let sizes) = self { sizes } else { nil }
    }

    /// The shape for a layer whose last dimension must have a width; throws if another is known.
    public func requiringWidth(_ expected: Int) throws(LayerDescriptionError) -> TracedShape {
        var last: Int?
        switch self {
        case .unknown: return .last(expected)
        case .last(let size): last = size
        case .ranked(let sizes):
            try Self.requireBatch(sizes)
            last = sizes.last ?? nil
        }
        if let last, last != expected {
            throw LayerDescriptionError("takes a width of \(expected), but is given \(last)")
        }
        return self
    }

    /// The shape for a layer whose second dimension must have a number of channels; throws if another is
    /// known.
    public func requiringChannels(_ expected: Int) throws(LayerDescriptionError) -> TracedShape {
        guard let sizes else { return self }
        try Self.requireBatch(sizes)
        if let channels = sizes[1], channels != expected {
            throw LayerDescriptionError("takes \(expected) channels, but is given \(channels)")
        }
        return self
    }

    /// The sizes of a shape that must have `rank` dimensions, the batch among them; throws if it has others.
    public func requiringRank(_ rank: Int) throws(LayerDescriptionError) -> [Int?] {
        switch self {
        case .unknown: return Array(repeating: nil, count: rank)
        case .last(let size): return Array(repeating: nil, count: rank - 1) + [size]
        case .ranked(let sizes):
            guard sizes.count == rank else {
                throw LayerDescriptionError(
                    "takes \(rank) dimensions, the batch among them, but is given \(sizes.count)")
            }
            return sizes
        }
    }

    /// The shape with another last size.
    public func replacingLast(with size: Int) -> TracedShape {
        sizes.map { .ranked($0.dropLast() + [size]) } ?? .last(size)
    }

    /// The shape with another dimension behind the last.
    public func appending(_ size: Int) -> TracedShape { sizes.map { .ranked($0 + [size]) } ?? .last(size) }

    /// The shape with all dimensions but the first joined into one; throws if there are too many elements.
    public func flattened() throws(LayerDescriptionError) -> TracedShape {
        guard let sizes else { return .ranked([nil, nil]) }
        try Self.requireBatch(sizes)
        var total: Int? = 1
        for size in sizes.dropFirst() {
            guard let known = total, let size else {
                total = nil
                continue
            }
            let (product, overflows) = known.multipliedReportingOverflow(by: size)
            if overflows { throw LayerDescriptionError("is given too many elements") }
            total = product
        }
        return .ranked([sizes[0], total])
    }

    /// What is known of a shape that is both; nil if they contradict each other.
    func agreeing(with other: TracedShape) -> TracedShape? {
        switch (self, other) {
        case (.unknown, _): return other
        case (_, .unknown): return self
        case (.last(let a), .last(let b)): return a == b ? self : nil
        case (.last(let width), .ranked(let sizes)), (.ranked(let sizes), .last(let width)):
            guard let last = sizes.last, last == nil || last == width else { return nil }
            return .ranked(sizes.dropLast() + [width])
        case (.ranked(let a), .ranked(let b)):
            guard a.count == b.count, zip(a, b).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else {
                return nil
            }
            return .ranked(zip(a, b).map { $0 ?? $1 })
        }
    }

    /// The shape for messages, unknown sizes as dots.
    var text: String {
        switch self {
        case .unknown: "an unknown shape"
        case .last(let size): "a width of \(size)"
        case .ranked(let sizes):
            "[" + sizes.map { $0.map(String.init) ?? "..." }.joined(separator: ", ") + "]"
        }
    }

    private static func requireBatch(_ sizes: [Int?]) throws(LayerDescriptionError) {
        if sizes.count < 2 {
            throw LayerDescriptionError(
                "takes a batch of vectors or more, but is given \(sizes.count) dimensions")
        }
    }
}
