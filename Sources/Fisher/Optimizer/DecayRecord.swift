import FisherInformation
import Torch

/// What a natural weight decay did to one parameter, kept for the report.
public struct DecayRecord {
    /// w: the decay's direction after its clip.
    let direction: Tensor
    /// f: the information.
    let information: Tensor

    /// The share of |w|^2 on the 1 % of the elements (at least one) that have the least information.
    func shareOfLeastInformed() throws(TorchError) -> Double {
        let (w, f) = (direction.flattened().to(dtype: .float64), information.flattened())
        try f.check()
        try w.check()
        guard f.count > 0 else { return 0 }
        let least = f.indicesOfSmallest(max(1, f.count / 100))
        let total = try w.norm().item()
        let part = try w.gathering(least, along: 0).norm().item()
        return total > 0 ? part * part / (total * total) : 0
    }
}
