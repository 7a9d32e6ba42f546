import NeuralNet
import Torch

extension CurvatureEstimator {
    /// The diagonal: sum over passes and units of squared gradients.
    package func diagonal(_ run: PassRun) throws -> DiagonalInformation {
        var sums = DiagonalSums(of: parameters, isAtLabels: run.isAtLabels)
        try run.forEach { pass in
            withoutGradients {
                for cluster in clusters {
                    sums.add(
                        cluster.parameters, cluster.sums(pass.uses, units: run.units), weight: pass.weight)
                }
                sums.add(generic, pass)
            }
        }
        let (squares, gradients) = try sums.finished()
        return DiagonalInformation(
            source: run.source, squares: run.source == .minibatch ? [:] : squares, gradients: gradients,
            observationCount: run.observationCount)
    }
}

/// Sums of gradients and of their squares by parameter.
struct DiagonalSums {
    private let parameters: [NamedParameter]
    private let paths: [ObjectIdentifier: ParameterPath]
    private let isAtLabels: Bool
    private var squares: [ParameterPath: Tensor] = [:]
    private var gradients: [ParameterPath: Tensor] = [:]

    package init(of parameters: [NamedParameter], isAtLabels: Bool) {
        self.parameters = parameters
        self.isAtLabels = isAtLabels
        paths = Dictionary(
            uniqueKeysWithValues: parameters.map { (ObjectIdentifier($0.parameter), $0.path) })
    }

    /// Adds a pass's sums of some parameters; those that are not asked for are left out.
    package mutating func add(
        _ parameters: [Parameter], _ sums: [(gradient: Tensor, squares: Tensor)?], weight: Double
    ) {
        for (parameter, found) in zip(parameters, sums) {
            guard let path = paths[ObjectIdentifier(parameter)], let found else { continue }
            let square = weight == 1 ? found.squares : found.squares * weight
            squares[path] = squares[path].map { $0 + square } ?? square
            // Only at the data's labels is the gradient that of the loss.
            if isAtLabels { gradients[path] = found.gradient }
        }
    }

    /// Adds a pass's gradients of the generic route.
    package mutating func add(_ generic: [NamedParameter], _ pass: BackwardPass) {
        for named in generic {
            guard let rows = pass.generic[ObjectIdentifier(named.parameter)] else { continue }
            add([named.parameter], [(rows.sum(along: 0), rows.squared().sum(along: 0))], weight: pass.weight)
        }
    }

    /// The sums; a parameter that nothing reached has no information.
    package func finished() throws -> (squares: [ParameterPath: Tensor], gradients: [ParameterPath: Tensor]) {
        var (squares, gradients) = (squares, gradients)
        for named in parameters where squares[named.path] == nil {
            let zeros = Tensor.zeros(like: named.parameter.wrappedValue.detached())
            squares[named.path] = zeros
            if isAtLabels { gradients[named.path] = zeros }
        }
        for named in parameters { try squares[named.path]?.check() }
        return (squares, gradients)
    }
}
