import FisherInformation
import Torch

/// A restricted Boltzmann machine with the probability and the score of every visible state.
///
/// Every information of one observation is S^T diag(w) S, for the scores S and weights w of the states: their probabilities
/// for the exact Fisher information (Eq. 14 of Hwang 2024, before its diagonal is taken), their shares among draws for a
/// sampled one, their shares of the data for the empirical one (Eq. 17).
package struct EnumeratedMachine {
    package let machine: BoltzmannMachine
    /// log p of every state, [2^n].
    package let logProbabilities: Tensor
    /// The gradient of log p of every state in the parameters, [2^n, n m + n + m]: the features less their mean under p.
    ///
    /// That mean is a sum over all states too, or over draws from the model: of a model that is known up to its constant Z
    /// not even the empirical information can be had from the data alone.
    package let scores: Tensor

    /// Lists all states. Costs 2^n (n m + n + m) numbers. Throws if the parameters are not finite.
    package init(_ machine: BoltzmannMachine, states: Tensor) throws(TorchError) {
        self.machine = machine
        logProbabilities = machine.logWeights(states).logSoftmax(along: 0)
        let features = machine.features(states)
        scores = features - logProbabilities.exp().unsqueezed(0).matmul(features)
        try logProbabilities.check()
        try scores.check()
    }

    /// p of every state, [2^n].
    package var probabilities: Tensor { logProbabilities.exp() }

    /// The mean of -log p over states with shares `data`, in nats.
    package func negativeLogLikelihood(of data: Tensor) throws(TorchError) -> Double {
        try -(data * logProbabilities).sum().item()
    }

    /// KL(data || p), in nats: the negative log-likelihood less the data's entropy.
    package func divergence(of data: Tensor) throws(TorchError) -> Double {
        // A state that the data lack contributes 0 log 0 = 0.
        let logs = data.clamped(min: 1e-300).log()
        return try (data * (logs - logProbabilities)).sum().item()
    }

    /// The gradient of the mean of -log p over states with shares `data`.
    package func gradient(of data: Tensor) -> Tensor { -data.unsqueezed(0).matmul(scores).flattened() }

    /// S^T diag(w) S for weights w of the states, [n m + n + m, n m + n + m].
    package func information(weights: Tensor) -> Tensor {
        scores.transposed(0, 1).matmul(scores * weights.unsqueezed(1))
    }

    /// The exact Fisher information.
    package var information: Tensor { information(weights: probabilities) }

    /// The expected relative distance (root of the mean square, Frobenius norm) of the information of `count` independent
    /// draws from the exact one.
    package func expectedError(draws count: Double) throws(TorchError) -> Double {
        let fourth = try (probabilities * scores.squared().sum(along: 1).squared()).sum().item()
        let square = try information.squared().sum().item()
        return ((fourth - square) / (square * count)).squareRoot()
    }
}
