import Torch

/// A restricted Boltzmann machine of binary units at given parameters (Smolensky 1986; Hinton 2002).
///
///     p(v, h) = exp(v^T W h + b^T v + c^T h) / Z,   v in {0, 1}^n, h in {0, 1}^m
///
/// The hidden units are summed over in closed form: log p(v) = b^T v + sum_j softplus(c_j + (W^T v)_j) - log Z. The parameters
/// are one vector in the order W by its rows, b, c.
package struct BoltzmannMachine {
    /// The numbers of units.
    package struct Size: Hashable, Sendable, Codable {
        /// The number n of visible units.
        package let visible: Int
        /// The number m of hidden units.
        package let hidden: Int

        /// The sizes; both together are at most 20, so that all states can be listed.
        package init(visible: Int, hidden: Int) {
            precondition(visible > 0 && hidden > 0 && visible + hidden <= 20, "too many states to list")
            self.visible = visible
            self.hidden = hidden
        }

        /// The number of parameters, n m + n + m.
        package var parameterCount: Int { visible * hidden + visible + hidden }

        /// The number of visible states, 2^n.
        package var stateCount: Int { 1 << visible }

        /// All visible states, [2^n, n] in float64; the first unit is the highest bit of a state's number.
        package func states() -> Tensor {
            var bits: [Double] = []
            for state in 0..<stateCount {
                for unit in 0..<visible { bits.append(Double(state >> (visible - 1 - unit) & 1)) }
            }
            return Tensor(bits, shape: [stateCount, visible])
        }

        /// The numbers of visible states [k, n], int64 [k].
        package func numbers(of states: Tensor) -> Tensor {
            let places = (0..<visible).map { Double(1 << (visible - 1 - $0)) }
            return states.matmul(Tensor(places, shape: [visible, 1])).flattened().to(dtype: .int64)
        }

        /// The share of each state among rows of states [k, n]: [2^n], float64.
        package func shares(of states: Tensor) -> Tensor {
            let count = states.shape[0]
            return Tensor.zeros([stateCount], dtype: .float64).addingRows(
                .full([count], 1 / Double(count), dtype: .float64), at: numbers(of: states))
        }
    }

    package let size: Size
    /// The parameters, [n m + n + m] in float64.
    package let parameters: Tensor
    /// W, [n, m].
    package let weights: Tensor
    /// b, [n].
    package let visibleBias: Tensor
    /// c, [m].
    package let hiddenBias: Tensor

    /// The machine of a vector of parameters, float64.
    package init(_ size: Size, parameters: Tensor) {
        let (n, m) = (size.visible, size.hidden)
        self.size = size
        self.parameters = parameters
        weights = parameters.narrowed(0, from: 0, length: n * m).reshaped([n, m])
        visibleBias = parameters.narrowed(0, from: n * m, length: n)
        hiddenBias = parameters.narrowed(0, from: n * m + n, length: m)
    }

    /// The hidden units' probabilities of 1 given visible states [k, n]: [k, m].
    package func hiddenProbabilities(_ visible: Tensor) -> Tensor {
        (visible.matmul(weights) + hiddenBias).sigmoid()
    }

    /// The visible units' probabilities of 1 given hidden states [k, m]: [k, n].
    package func visibleProbabilities(_ hidden: Tensor) -> Tensor {
        (hidden.matmul(weights.transposed(0, 1)) + visibleBias).sigmoid()
    }

    /// log p(v) + log Z of visible states [k, n]: [k]. It is defined and smooth for all real v.
    package func logWeights(_ visible: Tensor) -> Tensor {
        let inputs = visible.matmul(weights) + hiddenBias
        return visible.matmul(visibleBias.unsqueezed(1)).flattened() - (-inputs).logSigmoid().sum(along: 1)
    }

    /// The derivatives of ``logWeights(_:)`` by the visible units, [k, n].
    package func logWeightSlopes(_ visible: Tensor) -> Tensor {
        hiddenProbabilities(visible).matmul(weights.transposed(0, 1)) + visibleBias
    }

    /// The derivatives of ``logWeights(_:)`` by the parameters, [k, n m + n + m]: v q^T, v and q for q = E[h | v].
    package func features(_ visible: Tensor) -> Tensor {
        let hidden = hiddenProbabilities(visible)
        let products = visible.unsqueezed(2) * hidden.unsqueezed(1)
        return .concatenated([products.flattened(from: 1), visible, hidden], along: 1)
    }
}
