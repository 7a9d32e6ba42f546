import Fisher
import FisherData
import FisherTraining
import Foundation

/// The network for data: what it is, what shape it takes samples in, and what its outputs mean.
struct DataNetwork {
    let specification: NetworkSpecification
    let likelihood: any LikelihoodDescription
    /// The sizes of a sample as the network takes it.
    let sampleShape: [Int]
    /// The sizes of a target as the likelihood observes it; empty for a class.
    let targetShape: [Int]
    /// The names of the classes; empty where numbers are predicted.
    let classNames: [String]

    /// Takes the given network, or makes one for the samples.
    ///
    /// - Throws: `ConfigurationError` for a network that does not fit the samples, in one sentence.
    init(_ given: Given, for data: DataSet, _ options: DataOptions) throws {
        guard let targets = data.targets else { preconditionFailure("data to train on have targets") }
        let name = given.likelihood ?? (targets.labels == nil ? "gaussian" : Categorical.name)
        var (names, rowShape): ([String], [Int]) = ([], [])
        switch targets {
        case .classes(_, let classes): names = classes
        case .numbers(let array, _): rowShape = array.rowShape
        }
        let shapes = Self.shapes(of: data.inputs)
        guard var specification = given.specification else {
            let width = try Self.outputs(name, names.isEmpty ? rowShape.reduce(1, *) : names.count)
            (self.specification, sampleShape) = try Self.standard(
                options, shapes, outputs: width, likelihood: name)
            likelihood = try LikelihoodRegistry.likelihood(of: self.specification)
            (classNames, targetShape) = (names, names.isEmpty ? [rowShape.reduce(1, *)] : [])
            return
        }
        if given.likelihood == nil {
            specification = try NetworkSpecification(layers: specification.layers, likelihood: name)
        }
        if options.start == .body {
            specification = try Self.withHead(
                specification,
                outputs: try Self.outputs(name, names.isEmpty ? rowShape.reduce(1, *) : names.count))
        }
        // What ends a sentence about outputs that do not fit.
        let remedy =
            given.start == nil ? "change the last layer" : "--start body draws a last layer of that size anew"
        self.specification = specification
        likelihood = try LikelihoodRegistry.likelihood(of: specification)
        let (sample, outputs) = try Self.fitting(
            specification, shapes, data, wanted: names.isEmpty ? rowShape.reduce(1, *) : names.count)
        sampleShape = sample
        if names.isEmpty {
            let isDoubled = specification.likelihood == "gaussian_learned_variance"
            let last = (outputs.last ?? 1) / (isDoubled ? 2 : 1)
            let observed = Array(outputs.dropFirst().dropLast()) + [last]
            let isKnown = ["gaussian", "gaussian_learned_variance", Bernoulli.name].contains(
                specification.likelihood)
            guard !isKnown || observed.reduce(1, *) == rowShape.reduce(1, *) else {
                let (made, needed) = (
                    outputs.dropFirst().reduce(1, *), rowShape.reduce(1, *) * (isDoubled ? 2 : 1)
                )
                throw ConfigurationError(
                    "the network computes \(made) outputs, where \(specification.likelihood) of the targets of "
                        + "\(data.name) needs \(needed): \(remedy)")
            }
            (classNames, targetShape) = ([], isKnown ? observed : rowShape)
        } else {
            let count = outputs.last ?? 0
            let areNumbers = names == names.indices.map(String.init)
            guard outputs.count == 2, count == names.count || areNumbers && count > names.count else {
                throw ConfigurationError(
                    "the network computes outputs of shape \(outputs.dropFirst().map(String.init).joined(separator: " x ")), where "
                        + "the \(names.count) classes of \(data.name) need \(names.count): \(remedy)"
                )
            }
            // Classes that have numbers only may have members elsewhere.
            (classNames, targetShape) = (count == names.count ? names : (0..<count).map(String.init), [])
        }
    }

    /// The network with a linear last layer of another number of outputs.
    private static func withHead(
        _ specification: NetworkSpecification, outputs: Int
    ) throws -> NetworkSpecification {
        guard let last = specification.layers.last as? Linear.Description,
            let shapes = last.parameterShapes, let inputs = shapes.first?.shape.last
        else {
            throw ConfigurationError("model.start = body draws the last layer, which must be linear")
        }
        let head = Linear.Description(inputs: inputs, outputs: outputs, bias: shapes.count > 1)
        return try NetworkSpecification(
            layers: specification.layers.dropLast() + [head], likelihood: specification.likelihood)
    }

    /// The outputs that a likelihood needs for so many classes or numbers.
    private static func outputs(_ likelihood: String, _ count: Int) throws -> Int {
        switch likelihood {
        case Categorical.name, Bernoulli.name, "gaussian": return count
        case "gaussian_learned_variance": return 2 * count
        default:
            throw ConfigurationError(
                "model.likelihood = \(likelihood) needs a network of its own: describe it in a file and name it with "
                    + "--model")
        }
    }

    /// The shapes in which samples can be given to a network, the best first.
    private static func shapes(of inputs: SampleInputs) -> [[Int]] {
        let shape = inputs.shape
        let flat = [shape.reduce(1, *)]
        guard shape.count == 2 else { return shape.count == 1 ? [shape] : [shape, flat] }
        return inputs.arePictures ? [[1] + shape, shape, flat] : [shape, [1] + shape, flat]
    }

    /// The first shape that a network takes, with the shape of its outputs for two samples.
    private static func fitting(
        _ specification: NetworkSpecification, _ shapes: [[Int]], _ data: DataSet, wanted: Int
    ) throws -> (sample: [Int], outputs: [Int]) {
        var taken: [([Int], [Int])] = []
        var reason: NetworkSpecificationError?
        for shape in shapes {
            do throws(NetworkSpecificationError) {
                let outputs = try specification.outputShape(for: [2] + shape)
                if outputs.count > 1 { taken.append((shape, outputs)) }
            } catch { reason = reason ?? error }
        }
        if let best = taken.first(where: { $0.1.dropFirst().reduce(1, *) == wanted }) ?? taken.first {
            return best
        }
        let sizes = shapes[0].map(String.init).joined(separator: " x ")
        throw ConfigurationError(
            "the network does not take the inputs of \(data.name), which are \(sizes) numbers a sample"
                + (reason.map { ": \($0)" } ?? ""))
    }

    /// A network for samples of a shape.
    private static func standard(
        _ options: DataOptions, _ shapes: [[Int]], outputs: Int, likelihood: String
    ) throws -> (NetworkSpecification, sampleShape: [Int]) {
        let picture = shapes.first { $0.count == 3 && min($0[1], $0[2]) >= 8 }
        let isConvolution = options.network == .cnn || options.network == .own && picture != nil
        if isConvolution {
            guard let picture else {
                throw ConfigurationError(
                    "model.network = cnn takes pictures of at least 8 by 8 pixels, which samples of "
                        + "\(shapes[0].map(String.init).joined(separator: " x ")) numbers are not")
            }
            let layers = PlainNetwork.convolutions(
                options.width > 0 ? options.width : 16, picture[0], outputs, (picture[1], picture[2]))
            return (try NetworkSpecification(layers: layers, likelihood: likelihood), picture)
        }
        let flat = [shapes[0].reduce(1, *)]
        let width = options.width > 0 ? options.width : 64
        let widths = flat + Array(repeating: width, count: options.layers) + [outputs]
        var layers: [any LayerDescription] = []
        for (a, b) in zip(widths, widths.dropFirst()) {
            layers += layers.isEmpty ? [] : [ReLU.Description()]
            layers.append(Linear.Description(inputs: a, outputs: b))
        }
        return (try NetworkSpecification(layers: layers, likelihood: likelihood), flat)
    }
}
