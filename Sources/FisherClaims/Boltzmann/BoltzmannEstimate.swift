import FisherInformation
import Foundation
import Torch

/// An information of a machine from some weights of its states, beside the exact one.
package struct BoltzmannEstimate: Codable, Sendable, Hashable {
    /// The name for readers.
    package let name: String
    /// |F' - F| / |F| (Frobenius norm).
    package let error: Double
    /// The same of the diagonals alone.
    package let diagonalError: Double
    /// tr F' / tr F.
    package let traceRatio: Double
    /// The eigenvalues, descending.
    package let eigenvalues: [Double]
    /// The angle between the damped natural gradients (F' + damping I)^-1 g and (F + damping I)^-1 g, in degrees.
    package let angle: Double
    /// The relative distance of the natural gradients in the norm of F + damping I.
    package let stepError: Double

    /// Compares the information of some weights with the exact one.
    ///
    /// - Parameters:
    ///   - name: for readers.
    ///   - weights: of the visible states, [2^n].
    ///   - enumerated: the machine and its scores.
    ///   - gradient: g.
    ///   - damping: of both natural gradients.
    package init(
        _ name: String, weights: Tensor, of enumerated: EnumeratedMachine, gradient: Tensor, damping: Double
    ) throws(TorchError) {
        self.name = name
        let (exact, found) = (enumerated.information, enumerated.information(weights: weights))
        func size(_ tensor: Tensor) throws(TorchError) -> Double { try tensor.norm().item() }
        error = try size(found - exact) / size(exact)
        diagonalError = try size(found.diagonal() - exact.diagonal()) / size(exact.diagonal())
        traceRatio = try found.diagonal().sum().item() / exact.diagonal().sum().item()
        eigenvalues = try Spectrum(of: found).values
        let reference = try DampedSolution(exact, damping: damping, gradient).solution
        let step = try DampedSolution(found, damping: damping, gradient).solution
        let cosine = try (step * reference).sum().item() / (size(step) * size(reference))
        angle = acos(min(max(cosine, -1), 1)) * 180 / .pi
        func fisherLength(_ v: Tensor) throws(TorchError) -> Double {
            try (v * exact.addingDiagonal(damping).matmul(v.unsqueezed(1)).flattened()).sum().item()
                .squareRoot()
        }
        stepError = try fisherLength(step - reference) / fisherLength(reference)
    }
}

extension EnumeratedMachine {
    /// 1 for every visible state without a share in the data, else 0.
    package func unseen(in data: Tensor) -> Tensor { data.equals(0).to(dtype: .float64) }

    /// The weights of the data, completed: the states that are missing get their exact probability, and those that are there
    /// share the rest as in the data.
    ///
    /// What remains of the empirical information's error then is not due to missing states.
    package func completed(_ data: Tensor) throws(TorchError) -> Tensor {
        let missing = probabilities * unseen(in: data)
        return try data * (1 - missing.sum().item()) + missing
    }

    /// The probability of the states that the data lack, and their share of the trace of the Fisher information.
    package func missing(in data: Tensor) throws(TorchError) -> (probability: Double, traceShare: Double) {
        let traces = probabilities * scores.squared().sum(along: 1)
        let unseen = unseen(in: data)
        return (
            try (probabilities * unseen).sum().item(),
            try (traces * unseen).sum().item() / traces.sum().item()
        )
    }
}
