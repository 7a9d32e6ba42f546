import Foundation

/// 10 to a whole power.
func pow10(_ exponent: Int) -> Double { pow(10, Double(exponent)) }

/// Sizes or rates that grow by equal factors, both ends among them.
func geometric(from low: Double, to high: Double, count: Int) -> [Double] {
    (0..<count).map { low * pow(high / low, Double($0) / Double(max(count - 1, 1))) }
}
