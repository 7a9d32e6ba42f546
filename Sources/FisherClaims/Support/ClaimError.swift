/// Why a claim could not be decided: a computation of its reproduction failed.
package struct ClaimError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
