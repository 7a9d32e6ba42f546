import ArgumentParser
import Fisher
import FisherTasks

/// What is computed from products with the information, without the matrix.
struct ProductArguments: ParsableArguments {
    @Option(help: "The number of leading eigenvalues, by Lanczos iteration.")
    var eigenvalues: Int?
    @Option(help: "The number of random probes for the trace; the standard error falls with its root.")
    var probes: Int?
    @Option(help: "A file with a tensor for each parameter, with which the information is multiplied.")
    var vector: String?
    @Option(help: "A file b with a tensor for each parameter, for which (F + damping) x = b is solved.")
    var solve: String?
    @Option(help: "Damping of --solve; by default 1e-3.")
    var damping: Double?
    @Option(help: "Relative residual at which --solve ends; by default 1e-6.")
    var tolerance: Double?
    @Option(help: "Products that --solve may take; by default 1000.")
    var iterations: Int?

    /// Whether nothing is asked for, which stands for 5 eigenvalues and 32 probes.
    var isEmpty: Bool { eigenvalues == nil && probes == nil && vector == nil && solve == nil }

    func validate() throws {
        try requirePositive([
            "eigenvalues": eigenvalues ?? 1, "probes": probes ?? 1, "iterations": iterations ?? 1,
        ])
        for (option, value) in [("--damping", damping), ("--tolerance", tolerance)] {
            guard let value else { continue }
            guard value.isFinite, value >= 0 else {
                throw ValidationError("\(option) must be a number of at least 0, not \(value).")
            }
        }
        if solve == nil, damping != nil || tolerance != nil || iterations != nil {
            throw ValidationError("--damping, --tolerance and --iterations are for --solve.")
        }
    }

    /// A vector for each of two options.
    typealias Vectors = (multiplied: Tensor?, target: Tensor?)

    /// Reads the vectors, before anything is estimated.
    func vectors(for plain: PlainNetwork) throws -> Vectors {
        (try vector.map { try read($0, for: plain) }, try solve.map { try read($0, for: plain) })
    }

    private func parameters(_ plain: PlainNetwork) -> [NamedParameter] {
        plain.network.parameters.filter(\.parameter.isTrainable)
    }

    private func layout(_ plain: PlainNetwork) -> ParameterLayout {
        ParameterLayout(of: parameters(plain).map(\.parameter.wrappedValue))
    }

    private func read(_ path: String, for plain: PlainNetwork) throws -> Tensor {
        let file = try SafetensorsFile(path: path)
        let named = parameters(plain)
        let parts = try named.map { named in
            let tensor = try file.tensor(named: "\(named.path)")
            func wrong(_ reason: String) -> SafetensorsError {
                SafetensorsError(.malformed, path: path, tensor: "\(named.path)", reason: reason)
            }
            let shape = named.parameter.wrappedValue.shape
            guard tensor.dtype.isFloatingPoint, tensor.shape == shape else {
                throw wrong("it must be floating-point numbers of shape \(shape), not \(tensor.summary)")
            }
            if let reason = try tensor.nonFiniteElement() { throw wrong(reason) }
            return tensor.to(dtype: plain.dtype.accumulator)
        }
        let known = Set(named.map { "\($0.path)" })
        if let extra = file.tensors.first(where: { !known.contains($0.name) }) {
            throw SafetensorsError(
                .malformed, path: path, tensor: extra.name, reason: "it belongs to no trainable parameter")
        }
        return layout(plain).joined(parts)
    }

    /// The results as tensors by name, as lines to print, and what is to be warned of.
    func results(
        _ matrix: SymmetricOperator, for plain: PlainNetwork, _ vectors: Vectors,
        using generator: RandomGenerator
    ) throws -> (tensors: [(String, Tensor)], lines: [String], warnings: [String]) {
        var (tensors, lines, warnings) = ([(String, Tensor)](), [String](), [String]())
        func add(_ name: String, _ vector: Tensor) throws {
            if try vector.nonFiniteElement() != nil { throw NonFiniteError(source: "the \(name)") }
            for (named, part) in zip(parameters(plain), layout(plain).split(vector)) {
                tensors.append(("\(name)/\(named.path)", part))
            }
        }
        if let count = eigenvalues ?? (isEmpty ? 5 : nil) {
            let found = try matrix.topEigenvalues(min(count, matrix.size), using: generator)
            lines += found.enumerated().map {
                "eigenvalue \($0 + 1): \(Float($1.value)) (residual \(Float($1.residual)))"
            }
            tensors.append(("operator/eigenvalues", Tensor(found.map(\.value))))
            tensors.append(("operator/residuals", Tensor(found.map(\.residual))))
        }
        if let count = probes ?? (isEmpty ? 32 : nil) {
            let found = try matrix.trace(probes: count, using: generator)
            let error = found.standardError.map { " +- \(Float($0))" } ?? ", of one probe without an error"
            lines.append("trace: \(Float(found.value))\(error)")
            tensors.append(("operator/trace", Tensor([found.value], shape: [])))
            if let error = found.standardError {
                tensors.append(("operator/trace_standard_error", Tensor([error], shape: [])))
            }
        }
        if let vector = vectors.multiplied { try add("product", try matrix(vector)) }
        if let target = vectors.target {
            let wanted = tolerance ?? 1e-6
            let found = try ConjugateGradients(
                matrix.damped(by: damping ?? 1e-3), target, tolerance: wanted,
                maximumIterations: iterations ?? 1000)
            let residual = found.relativeResidual
            lines.append("solved by \(found.iterations) products, relative residual \(Float(residual))")
            if found.metNegativeCurvature {
                warnings.append("the damped matrix is not positive definite: give --solve a larger --damping")
            } else if residual > wanted {
                warnings.append("the solution has a relative residual of \(Float(residual)), above \(wanted)")
            }
            try add("solution", found.solution)
        }
        return (tensors, lines, warnings)
    }
}
