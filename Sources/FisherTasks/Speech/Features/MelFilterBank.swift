import Fisher
import Foundation

/// Triangular filters at equal distances on the mel scale m(f) = 2595 log10(1 + f / 700), from 0 to half of the rate.
///
/// Filter j rises linearly in frequency from 0 at f(j) to 1 at f(j + 1) and falls to 0 at f(j + 2), where f(0), f(1), ... are
/// the frequencies at equal distances in mel: the filters of HTK, without normalization of their areas (torchaudio's
/// defaults).
enum MelFilterBank {
    /// The filters' weights, [bins, filters], for the power at the frequencies 0, ..., rate / 2 of `bins` bins.
    static func weights(bins: Int, filters: Int, rate: Int) -> Tensor {
        precondition(bins > 1 && filters > 0 && rate > 0)
        let half = Double(rate) / 2
        let highest = 2595 * log10(1 + half / 700)
        let edges = (0..<filters + 2).map { step in
            700 * (pow(10, highest * Double(step) / Double(filters + 1) / 2595) - 1)
        }
        var weights: [Float] = []
        weights.reserveCapacity(bins * filters)
        for bin in 0..<bins {
            let frequency = half * Double(bin) / Double(bins - 1)
            for filter in 0..<filters {
                let rise = (frequency - edges[filter]) / (edges[filter + 1] - edges[filter])
                let fall = (edges[filter + 2] - frequency) / (edges[filter + 2] - edges[filter + 1])
                weights.append(Float(max(0, min(rise, fall))))
            }
        }
        return Tensor(weights, shape: [bins, filters])
    }
}
