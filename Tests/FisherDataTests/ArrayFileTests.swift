import FisherFiles
import Testing

@testable import FisherData

@Suite struct ArrayFileTests {}
