import Foundation
import Torch

/// A distribution of binary patterns, and the size of the machine that learns it.
package struct BoltzmannProblem {
    /// The name for readers.
    package let name: String
    package let size: BoltzmannMachine.Size
    /// All visible states.
    package let states: Tensor
    /// The share of each visible state in the training set, [2^n].
    package let data: Tensor
    /// The machine that drew the data; nil if there is none.
    package let teacher: BoltzmannMachine?

    /// Bars and stripes (MacKay 2003, Section 43.1): every row of a square picture is one color, or every column is; each of
    /// the 14 patterns of 3 by 3 pixels equally often.
    package static func barsAndStripes(side: Int = 3, hidden: Int = 6) -> BoltzmannProblem {
        let size = BoltzmannMachine.Size(visible: side * side, hidden: hidden)
        var numbers = Set<Int>()
        for colors in 0..<(1 << side) {
            var (bars, stripes) = (0, 0)
            for row in 0..<side {
                for column in 0..<side {
                    bars = bars << 1 | colors >> row & 1
                    stripes = stripes << 1 | colors >> column & 1
                }
            }
            numbers.formUnion([bars, stripes])
        }
        let data = (0..<size.stateCount).map { numbers.contains($0) ? 1 / Double(numbers.count) : 0 }
        return BoltzmannProblem(
            name: "bars and stripes", size: size, states: size.states(),
            data: Tensor(data, shape: [size.stateCount]), teacher: nil)
    }

    /// Independent draws from a machine whose parameters are independent normal numbers.
    ///
    /// - Parameters:
    ///   - visible: the number of visible units.
    ///   - hidden: the number of hidden units.
    ///   - spread: the parameters' standard deviation.
    ///   - samples: the number of draws.
    ///   - teacherSeed: of the machine.
    ///   - seed: of the draws.
    package static func drawn(
        visible: Int = 6, hidden: Int = 4, spread: Double = 1, samples: Int, teacherSeed: UInt64 = 5,
        seed: UInt64
    ) throws -> BoltzmannProblem {
        let size = BoltzmannMachine.Size(visible: visible, hidden: hidden)
        let states = size.states()
        let teacher = BoltzmannMachine(
            size,
            parameters: .normal(
                [size.parameterCount], standardDeviation: spread, dtype: .float64,
                using: try RandomGenerator(seed: teacherSeed)))
        let p = try EnumeratedMachine(teacher, states: states).probabilities
        let numbers = p.unsqueezed(0).expanded([samples, size.stateCount]).sampledCategories(
            using: try RandomGenerator(seed: seed))
        let data = Tensor.zeros([size.stateCount], dtype: .float64).addingRows(
            .full([samples], 1 / Double(samples), dtype: .float64), at: numbers)
        return BoltzmannProblem(
            name: "draws from a machine", size: size, states: states, data: data, teacher: teacher)
    }

    /// The machine at a seed's initial parameters: normal numbers of standard deviation 0.1.
    package func start(seed: UInt64) throws -> BoltzmannMachine {
        BoltzmannMachine(
            size,
            parameters: .normal(
                [size.parameterCount], standardDeviation: 0.1, dtype: .float64,
                using: try RandomGenerator(seed: seed)))
    }
}
