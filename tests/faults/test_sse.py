"""x"""
from tests.faults.visitor import *
from tests.faults.faults import *
def test_x(city, wang, home):
    with traced(pid(city,"city"),"fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64") as t:
        print(ask(city,"marriage","GET","/certificates/99",key(city,"wang")).status)
        eventually(lambda: any('certificates/99' in l for l in t()))
        print(ask(city,"marriage","GET","/whoami",key(city,"wang")).status)
        time.sleep(.3)
    print("\n".join(l[:400]+"..."+l[-60:] for l in t()))
