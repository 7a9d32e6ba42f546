import CKernels
import Foundation
import Testing
import Torch

/// The loops of activations beside float64, with every instruction set and through the engine.
@Suite struct ActivationTests {
    static let counts = [1, 7, 31, 32, 33, 1000, 100_003]

    private func numbers(_ count: Int) -> [Float] {
        (0..<count).map { Float($0) / Float(max(1, count - 1)) * 24 - 12 }
    }

    /// u of 1 / (1 + exp(-2 u)), the slope of 2 u, and that sigmoid.
    private func parts(_ x: Double) -> (slope: Double, sigmoid: Double, rest: Double) {
        let root = (2 / Double.pi).squareRoot()
        let power = exp(-2 * root * (x + 0.044715 * x * x * x))
        return (2 * root * (1 + 3 * 0.044715 * x * x), 1 / (1 + power), power / (1 + power))
    }

    @Test(arguments: [CK_BASELINE, CK_HASWELL, CK_AVX512].filter(ck_supports).map(\.rawValue), counts)
    func gaussianUnits(_ set: UInt32, _ count: Int) {
        let loops = ck_activations_for(ck_instruction_set(rawValue: set), false).pointee
        let input = numbers(count)
        var output = [Float](repeating: .nan, count: count + 1)
        loops.gelu(input, &output, Int64(count))
        #expect(output[count].isNaN)
        var slopes = [Float](repeating: .nan, count: count + 1)
        let weights = (0..<count).map { Float(1 + $0 % 3) }
        loops.gelu_slope(input, weights, &slopes, Int64(count))
        #expect(slopes[count].isNaN)
        var (worst, worstSlope) = (0.0, 0.0)
        for k in 0..<count {
            let x = Double(input[k])
            let (slope, sigmoid, rest) = parts(x)
            // Relative to the result itself, so that what is left of negative numbers counts too.
            worst = max(worst, abs(Double(output[k]) - x * sigmoid) / max(abs(x * sigmoid), 1e-30))
            let derivative = sigmoid + x * sigmoid * rest * slope
            worstSlope = max(worstSlope, abs(Double(slopes[k]) / Double(weights[k]) - derivative))
        }
        #expect(worst < 3e-5 && worstSlope < 3e-6)
    }

    /// Of bfloat16 numbers: what float32 gives, rounded once.
    @Test(arguments: [CK_BASELINE, CK_HASWELL, CK_AVX512].filter(ck_supports).map(\.rawValue), counts)
    func narrowUnits(_ set: UInt32, _ count: Int) {
        let set = ck_instruction_set(rawValue: set)
        let (wide, narrow) = (ck_activations_for(set, false).pointee, ck_activations_for(set, true).pointee)
        func rounded(_ x: Float) -> UInt16 {
            UInt16(truncatingIfNeeded: (x.bitPattern + 0x7fff + (x.bitPattern >> 16 & 1)) >> 16)
        }
        let input = numbers(count).map(rounded), weights = input.reversed().map { $0 }
        let widened = input.map { Float(bitPattern: UInt32($0) << 16) }
        let widenedWeights = weights.map { Float(bitPattern: UInt32($0) << 16) }
        var (exact, output) = (widened, input + [7])
        wide.gelu(widened, &exact, Int64(count))
        narrow.gelu(input, &output, Int64(count))
        #expect(output == exact.map(rounded) + [7])
        wide.gelu_slope(widened, widenedWeights, &exact, Int64(count))
        narrow.gelu_slope(input, weights, &output, Int64(count))
        #expect(output == exact.map(rounded) + [7])
    }

    @Test(arguments: [CK_BASELINE, CK_HASWELL, CK_AVX512].filter(ck_supports).map(\.rawValue))
    func ends(_ set: UInt32) {
        let loops = ck_activations_for(ck_instruction_set(rawValue: set), false).pointee
        let input: [Float] = [.nan, .infinity, 1e30, -1e30, 0, -0.0]
        var output = [Float](repeating: 0, count: input.count)
        loops.gelu(input, &output, Int64(input.count))
        #expect(output[0].isNaN && output[1] == .infinity && output[2] == 1e30 && abs(output[3]) < 1e-7)
        #expect(output[4] == 0 && output[5] == 0)
        var slopes = output
        loops.gelu_slope(input, [Float](repeating: 1, count: input.count), &slopes, Int64(input.count))
        #expect(slopes[0].isNaN && slopes[1] == 1 && slopes[2] == 1 && abs(slopes[3]) < 1e-30)
        #expect(slopes[4] == 0.5 && slopes[5] == 0.5)
    }

    /// Through the engine, of contiguous numbers and of others, with first and second derivatives.
    @Test(arguments: [true, false])
    func derivatives(_ isContiguous: Bool) throws {
        func passes(_ dtype: DType) throws -> [Tensor] {
            let generator = try RandomGenerator(seed: 1)
            let drawn = (Tensor.normal([67, 33], using: generator) * 3).to(dtype: dtype)
            let input = try (isContiguous ? drawn : drawn.transposed()).requiringGradient()
            let output = input.geluTanh()
            let first = try #require(
                try gradients(of: output.squared().sum(), withRespectTo: [input], createGraph: true)[0])
            let second = try #require(try gradients(of: first.squared().sum(), withRespectTo: [input])[0])
            return [output, first, second].map { $0.detached() }
        }
        for (exact, found) in zip(try passes(.float64), try passes(.float32)) {
            let scale = try exact.magnitude().largest().item()
            let error = try (found.to(dtype: .float64) - exact).magnitude().largest().item()
            #expect(found.shape == exact.shape && error <= 5e-6 * scale)
        }
        for (exact, found) in zip(try passes(.float64), try passes(.bfloat16)) {
            let scale = try exact.magnitude().largest().item()
            let error = try (found.to(dtype: .float64) - exact).magnitude().largest().item()
            #expect(found.dtype == .bfloat16 && error <= 0.03 * scale)
        }
    }
}
