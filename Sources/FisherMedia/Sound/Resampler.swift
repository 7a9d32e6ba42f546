import Foundation
import Torch

/// Brings sounds from one rate to another by a windowed sinc, as one convolution of the engine.
///
/// With the rates over their greatest common divisor, f and g, and the cutoff c = 0.99 min(f, g), a sample of the result
/// at time t (in units of f samples) is
///
///     y(t) = sum over n of x(n) (c / f) sinc(c (n / f - t)) cos²(pi c (n / f - t) / 12)
///
/// for |c (n / f - t)| < 6, with sinc(u) = sin(pi u) / (pi u): a Hann window over six zero crossings to either side. The
/// result has ceil(g / f) times as many samples; beyond its ends a sound is zero.
struct Resampler {
    private let (from, to): (Int, Int)
    private let width: Int
    private let kernel: Tensor

    /// The most elements that a kernel may have.
    private static let mostElements = 1 << 25
    private static let crossings = 6.0
    private static let rolloff = 0.99

    /// Prepares the kernel, [to, 1, taps], for rates that must be positive; nil where it would be too large because the
    /// rates have a small common divisor.
    init?(from: Int, to: Int) {
        precondition(from > 0 && to > 0)
        var (a, b) = (from, to)
        while b != 0 { (a, b) = (b, a % b) }
        (self.from, self.to) = (from / a, to / a)
        let (f, g) = (Double(self.from), Double(self.to))
        let cutoff = min(f, g) * Self.rolloff
        width = Int((Self.crossings * f / cutoff).rounded(.up))
        let taps = 2 * width + self.from
        let (elements, overflows) = taps.multipliedReportingOverflow(by: self.to)
        guard !overflows, elements <= Self.mostElements else { return nil }
        var values: [Float] = []
        values.reserveCapacity(elements)
        for phase in 0..<self.to {
            for tap in 0..<taps {
                let t = (Double(tap - width) / f - Double(phase) / g) * cutoff
                guard abs(t) < Self.crossings else {
                    values.append(0)
                    continue
                }
                let window = cos(t * .pi / Self.crossings / 2)
                let sinc = t == 0 ? 1 : sin(t * .pi) / (t * .pi)
                values.append(Float(sinc * window * window * cutoff / f))
            }
        }
        kernel = Tensor(values, shape: [self.to, 1, taps])
    }

    /// The samples at the new rate.
    func callAsFunction(_ samples: [Float]) throws(TorchError) -> [Float] {
        let count = samples.count
        var padded = [Float](repeating: 0, count: width)
        padded += samples
        padded += [Float](repeating: 0, count: width + from)
        let input = Tensor(padded, shape: [1, 1, padded.count])
        // [1, to, frames]: the samples of one frame are those between two steps of `from`.
        let output = input.convolved(weight: kernel, stride: [from], padding: [0], dilation: [1])
        let all = try output.transposed(1, 2).contiguous().scalars(as: Float.self)
        return Array(all.prefix((count * to + from - 1) / from))
    }
}
