// Spectra of sampled signals.

private let shortTimeFourier = Operation("stft.center")
private let realAndImaginary = Operation("view_as_real")

extension Tensor {
    /// The power of the short-time Fourier transform of signals [..., samples]: [..., w / 2 + 1, frames] for a window of w
    /// samples, |sum over n of window(n) x(t hop + n - w / 2) exp(-2 pi i k n / w)|².
    ///
    /// Frames lie around the multiples of the hop, 1 + samples / hop of them; a signal, which must have more than w / 2
    /// samples, is mirrored at its ends. Costs O(frames w log w).
    public func powerSpectrum(window: Tensor, hop: Int) -> Tensor {
        let size = window.failure == nil ? window.count : 1
        let spectrum = shortTimeFourier(
            .tensor(self), .integer(size), .integer(hop), .integer(size), .tensor(window), .boolean(true),
            .string("reflect"), .boolean(false), .boolean(true), .boolean(true))
        return realAndImaginary(.tensor(spectrum)).squared().sum(along: -1)
    }
}
