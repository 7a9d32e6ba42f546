// What a layer can be, and what it makes of a shape.

/// What is known of the shape of a value between two layers, the batch first.
enum TracedShape: Hashable {
    /// Nothing is known.
    case unknown
    /// The last size is known, the number of dimensions is not.
    case last(Int)
    /// The number of dimensions is known, and some sizes.
    case ranked([Int?])

    fileprivate var sizes: [Int?]? {
        if case .ranked(let sizes) = self { sizes } else { nil }
    }
}

extension NetworkSpecification.Layer {
    /// The most elements that a parameter may have: 4 TiB in float32.
    private static let elementLimit = 1 << 40

    /// Throws what keeps this layer from being made.
    func check(at position: Int) throws(NetworkSpecificationError) {
        func require(_ holds: Bool, _ reason: String) throws(NetworkSpecificationError) {
            if !holds { throw NetworkSpecificationError(position, "\(name) \(reason)") }
        }
        func requireSizes(_ sizes: [Int], atLeast minimum: Int = 1) throws(NetworkSpecificationError) {
            let range = minimum...LayerOptions.sizeLimit
            try require(sizes.allSatisfy(range.contains), "has a size outside \(range) among \(sizes)")
        }
        func requireElements(_ shape: [Int]) throws(NetworkSpecificationError) {
            let count = shape.reduce(1.0) { $0 * Double($1) }
            try require(count <= Double(Self.elementLimit), "has a parameter of shape \(shape): too large")
        }
        func requireNumber(_ value: Double, _ key: String) throws(NetworkSpecificationError) {
            try require(value >= 0 && value.isFinite, "needs for \(key) a number of at least 0, not \(value)")
        }
        switch self {
        case .linear(let inputs, let outputs, _), .embedding(let inputs, let outputs):
            try requireSizes([inputs, outputs])
            try requireElements([outputs, inputs])
        case .lstm(let inputs, let width):
            try requireSizes([inputs, width])
            try requireElements([4 * width, max(inputs, width)])
        case .conv1d(let inputs, let outputs, let geometry, _),
            .conv2d(let inputs, let outputs, let geometry, _):
            try require(geometry.kernel.count == (name == "conv1d" ? 1 : 2), "has a kernel of another rank")
            try requireSizes([inputs, outputs, geometry.groups] + geometry.kernel)
            try requireSizes(geometry.stride + geometry.dilation)
            try requireSizes(geometry.padding, atLeast: 0)
            try require(
                inputs % geometry.groups == 0 && outputs % geometry.groups == 0,
                "has \(geometry.groups) groups, which do not divide \(inputs) inputs and \(outputs) outputs")
            try requireElements([outputs, inputs / geometry.groups] + geometry.kernel)
        case .layerNorm(let width, let epsilon):
            try requireSizes([width])
            try requireNumber(epsilon, "epsilon")
        case .groupNorm(let groups, let channels, let epsilon):
            try requireSizes([groups, channels])
            try require(
                channels % groups == 0, "has \(groups) groups, which do not divide \(channels) channels")
            try requireNumber(epsilon, "epsilon")
        case .batchNorm(let channels, let epsilon, let momentum):
            try requireSizes([channels])
            try requireNumber(epsilon, "epsilon")
            try require(
                (0...1).contains(momentum), "needs for momentum a number from 0 to 1, not \(momentum)")
        case .maxPool2d(let kernel, let stride, let padding, let dilation):
            try requireSizes(kernel.sizes + (stride ?? kernel).sizes + dilation.sizes)
            try requireSizes(padding.sizes, atLeast: 0)
            for k in 0..<2 {
                let reach = dilation.sizes[k] * (kernel.sizes[k] - 1) + 1
                try require(
                    padding.sizes[k] <= reach / 2, "has a padding of more than half of its window, \(reach)")
            }
        case .averagePool2d(let kernel, let stride, let padding):
            try requireSizes(kernel.sizes + (stride ?? kernel).sizes)
            try requireSizes(padding.sizes, atLeast: 0)
            for k in 0..<2 {
                try require(
                    padding.sizes[k] <= kernel.sizes[k] / 2,
                    "has a padding of more than half of its window, \(kernel.sizes[k])")
            }
        case .adaptiveAveragePool2d(let size): try requireSizes(size.sizes)
        case .flatten, .tanh, .relu, .sigmoid, .gelu, .geluTanh: break
        }
    }

    /// What this layer makes of a shape; throws where it cannot take it.
    func output(of shape: TracedShape, at position: Int) throws(NetworkSpecificationError) -> TracedShape {
        switch self {
        case .linear(let inputs, let outputs, _):
            try requireLast(inputs, shape, position)
            return replacingLast(outputs, shape)
        case .layerNorm(let width, _):
            try requireLast(width, shape, position)
            return shape == .unknown ? .last(width) : shape
        case .lstm(let inputs, let width):
            try requireLast(inputs, shape, position)
            let sizes = try ranked(shape, 3, position)
            return .ranked([sizes[0], sizes[1], width])
        case .embedding(_, let width): return shape.sizes.map { .ranked($0 + [width]) } ?? .last(width)
        case .groupNorm(_, let channels, _), .batchNorm(let channels, _, _):
            try requireChannels(channels, shape, position)
            return shape
        case .conv1d(let inputs, let outputs, let geometry, _),
            .conv2d(let inputs, let outputs, let geometry, _):
            let sizes = try ranked(shape, geometry.kernel.count + 2, position)
            try requireChannels(inputs, .ranked(sizes), position)
            return try slid(geometry, over: sizes, channels: outputs, position)
        case .maxPool2d(let kernel, let stride, let padding, let dilation):
            let window = ConvolutionGeometry(
                kernel: kernel.sizes, stride: (stride ?? kernel).sizes, padding: padding.sizes,
                dilation: dilation.sizes, groups: 1)
            let sizes = try ranked(shape, 4, position)
            return try slid(window, over: sizes, channels: sizes[1], position)
        case .averagePool2d(let kernel, let stride, let padding):
            let window = ConvolutionGeometry(
                kernel: kernel.sizes, stride: (stride ?? kernel).sizes, padding: padding.sizes,
                dilation: [1, 1], groups: 1)
            let sizes = try ranked(shape, 4, position)
            return try slid(window, over: sizes, channels: sizes[1], position)
        case .adaptiveAveragePool2d(let size):
            return .ranked(try ranked(shape, 4, position).prefix(2) + [size.height, size.width])
        case .flatten:
            guard let sizes = shape.sizes else { return .ranked([nil, nil]) }
            try requireBatch(sizes, position)
            return .ranked([sizes[0], try product(sizes.dropFirst(), position)])
        case .tanh, .relu, .sigmoid, .gelu, .geluTanh: return shape
        }
    }

    private func replacingLast(_ size: Int, _ shape: TracedShape) -> TracedShape {
        shape.sizes.map { .ranked($0.dropLast() + [size]) } ?? .last(size)
    }

    private func requireLast(_ expected: Int, _ shape: TracedShape, _ position: Int)
        throws(NetworkSpecificationError)
    {
        var last: Int?
        switch shape {
        case .unknown: break
        case .last(let size): last = size
        case .ranked(let sizes):
            try requireBatch(sizes, position)
            last = sizes.last ?? nil
        }
        if let last, last != expected {
            throw NetworkSpecificationError(
                position, "\(name) takes a width of \(expected), but is given \(last)")
        }
    }

    private func requireChannels(_ expected: Int, _ shape: TracedShape, _ position: Int)
        throws(NetworkSpecificationError)
    {
        guard let sizes = shape.sizes else { return }
        try requireBatch(sizes, position)
        if let channels = sizes[1], channels != expected {
            throw NetworkSpecificationError(
                position, "\(name) takes \(expected) channels, but is given \(channels)")
        }
    }

    private func requireBatch(_ sizes: [Int?], _ position: Int) throws(NetworkSpecificationError) {
        if sizes.count < 2 {
            throw NetworkSpecificationError(
                position, "\(name) takes a batch of vectors or more, but is given \(sizes.count) dimensions")
        }
    }

    /// The sizes of a shape that must have `rank` dimensions, the batch among them.
    private func ranked(_ shape: TracedShape, _ rank: Int, _ position: Int)
        throws(NetworkSpecificationError) -> [Int?]
    {
        switch shape {
        case .unknown: return Array(repeating: nil, count: rank)
        case .last(let size): return Array(repeating: nil, count: rank - 1) + [size]
        case .ranked(let sizes):
            guard sizes.count == rank else {
                throw NetworkSpecificationError(
                    position,
                    "\(name) takes \(rank) dimensions, the batch among them, but is given \(sizes.count)")
            }
            return sizes
        }
    }

    private func slid(
        _ window: ConvolutionGeometry, over sizes: [Int?], channels: Int?, _ position: Int
    ) throws(NetworkSpecificationError) -> TracedShape {
        var result = [sizes[0], channels]
        for k in window.kernel.indices {
            guard let size = sizes[k + 2] else {
                result.append(nil)
                continue
            }
            let count = window.outputSizes(for: window.kernel.indices.map { $0 == k ? size : 0 })[k]
            guard count > 0 else {
                throw NetworkSpecificationError(
                    position, "\(name) has a kernel that does not fit into a size of \(size)")
            }
            result.append(count)
        }
        return .ranked(result)
    }

    private func product(_ sizes: ArraySlice<Int?>, _ position: Int) throws(NetworkSpecificationError) -> Int?
    {
        var total = 1
        for size in sizes {
            guard let size else { return nil }
            let (next, overflows) = total.multipliedReportingOverflow(by: size)
            if overflows { throw NetworkSpecificationError(position, "\(name) is given too many elements") }
            total = next
        }
        return total
    }
}
